// Finds the libraries and their functions.
#include "PeerLibraries.h"

#include <dlfcn.h>

/// Opens the first of the names that there is.
static void *open_library(const char *const *names) {
  for (; *names; names++) {
    void *library = dlopen(*names, RTLD_NOW | RTLD_LOCAL);
    if (library) return library;
  }
  return 0;
}

// Fills the field that has the function's name; a missing one ends the search.
#define FIND(name)                                                                                 \
  if (!(*(void **)&found.name = dlsym(library, PREFIX #name))) return 0;

const struct rocksdb_functions *peer_rocksdb(void) {
  static struct rocksdb_functions found;
  static const char *const names[] = {
      "librocksdb.so",     "librocksdb.so.7.8",  "librocksdb.so.8.9", "librocksdb.so.9.10",
      "librocksdb.so.9.1", "librocksdb.so.10.2", 0};
  void *library = open_library(names);
  if (!library) return 0;
#define PREFIX "rocksdb_"
  FIND(options_create) FIND(options_destroy) FIND(get_options_from_string) FIND(open) FIND(close)
  FIND(writeoptions_create) FIND(writeoptions_destroy) FIND(writeoptions_set_sync)
  FIND(readoptions_create) FIND(readoptions_destroy) FIND(readoptions_set_total_order_seek)
  FIND(readoptions_set_prefix_same_as_start) FIND(put) FIND(delete) FIND(write)
  FIND(writebatch_create) FIND(writebatch_destroy) FIND(writebatch_clear) FIND(writebatch_put)
  FIND(get_pinned) FIND(pinnableslice_value) FIND(pinnableslice_destroy) FIND(create_iterator)
  FIND(iter_destroy) FIND(iter_valid) FIND(iter_seek_to_first) FIND(iter_seek) FIND(iter_next)
  FIND(iter_key) FIND(iter_value) FIND(iter_get_error) FIND(flushoptions_create)
  FIND(flushoptions_destroy) FIND(flush) FIND(property_int) FIND(free)
#undef PREFIX
  return &found;
}

const struct leveldb_functions *peer_leveldb(void) {
  static struct leveldb_functions found;
  static const char *const names[] = {"libleveldb.so", "libleveldb.so.1d", "libleveldb.so.1", 0};
  void *library = open_library(names);
  if (!library) return 0;
#define PREFIX "leveldb_"
  FIND(options_create) FIND(options_destroy) FIND(options_set_create_if_missing)
  FIND(options_set_write_buffer_size) FIND(options_set_max_file_size)
  FIND(options_set_max_open_files) FIND(options_set_cache) FIND(options_set_filter_policy)
  FIND(cache_create_lru) FIND(cache_destroy) FIND(filterpolicy_create_bloom)
  FIND(filterpolicy_destroy) FIND(open) FIND(close) FIND(writeoptions_create)
  FIND(writeoptions_destroy) FIND(writeoptions_set_sync) FIND(readoptions_create)
  FIND(readoptions_destroy) FIND(put) FIND(delete) FIND(write) FIND(writebatch_create)
  FIND(writebatch_destroy) FIND(writebatch_clear) FIND(writebatch_put) FIND(get)
  FIND(create_iterator) FIND(iter_destroy) FIND(iter_valid) FIND(iter_seek_to_first)
  FIND(iter_seek) FIND(iter_next) FIND(iter_key) FIND(iter_value) FIND(iter_get_error) FIND(free)
#undef PREFIX
  return &found;
}

const struct lmdb_functions *peer_lmdb(void) {
  static struct lmdb_functions found;
  static const char *const names[] = {"liblmdb.so.0", "liblmdb.so", 0};
  void *library = open_library(names);
  if (!library) return 0;
#define PREFIX "mdb_"
  FIND(env_create) FIND(env_set_mapsize) FIND(env_set_maxreaders) FIND(env_open) FIND(env_close)
  FIND(txn_begin) FIND(txn_commit) FIND(txn_abort) FIND(txn_reset) FIND(txn_renew) FIND(dbi_open)
  FIND(get) FIND(put) FIND(del) FIND(cursor_open) FIND(cursor_close) FIND(cursor_renew)
  FIND(cursor_get) FIND(strerror)
#undef PREFIX
  return &found;
}

const char *peer_library_path(const void *function) {
  Dl_info info;
  return dladdr(function, &info) ? info.dli_fname : 0;
}
