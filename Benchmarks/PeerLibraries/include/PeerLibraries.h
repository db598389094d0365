// The C interfaces of RocksDB, LevelDB and LMDB, as far as the engine benchmark calls them, found
// when it runs: building needs none of them, and one that is missing is only left out.
//
// Types and order of parameters are those of rocksdb/c.h, leveldb/c.h and lmdb.h; keys and values
// are `void` here instead of `char`, which is the same to a caller.
#ifndef PEER_LIBRARIES_H
#define PEER_LIBRARIES_H

#include <stddef.h>
#include <stdint.h>

/// What a call that failed leaves; freed with the library's own `free`.
typedef char *peer_error;

// RocksDB

typedef struct rocksdb_t rocksdb_t;
typedef struct rocksdb_options_t rocksdb_options_t;
typedef struct rocksdb_readoptions_t rocksdb_readoptions_t;
typedef struct rocksdb_writeoptions_t rocksdb_writeoptions_t;
typedef struct rocksdb_flushoptions_t rocksdb_flushoptions_t;
typedef struct rocksdb_writebatch_t rocksdb_writebatch_t;
typedef struct rocksdb_iterator_t rocksdb_iterator_t;
typedef struct rocksdb_pinnableslice_t rocksdb_pinnableslice_t;

struct rocksdb_functions {
  rocksdb_options_t *(*options_create)(void);
  void (*options_destroy)(rocksdb_options_t *);
  void (*get_options_from_string)(const rocksdb_options_t *, const char *, rocksdb_options_t *,
      peer_error *);
  rocksdb_t *(*open)(const rocksdb_options_t *, const char *, peer_error *);
  void (*close)(rocksdb_t *);
  rocksdb_writeoptions_t *(*writeoptions_create)(void);
  void (*writeoptions_destroy)(rocksdb_writeoptions_t *);
  void (*writeoptions_set_sync)(rocksdb_writeoptions_t *, uint8_t);
  rocksdb_readoptions_t *(*readoptions_create)(void);
  void (*readoptions_destroy)(rocksdb_readoptions_t *);
  void (*readoptions_set_total_order_seek)(rocksdb_readoptions_t *, uint8_t);
  void (*readoptions_set_prefix_same_as_start)(rocksdb_readoptions_t *, uint8_t);
  void (*put)(rocksdb_t *, const rocksdb_writeoptions_t *, const void *, size_t, const void *,
      size_t, peer_error *);
  void (*delete)(rocksdb_t *, const rocksdb_writeoptions_t *, const void *, size_t, peer_error *);
  void (*write)(rocksdb_t *, const rocksdb_writeoptions_t *, rocksdb_writebatch_t *, peer_error *);
  rocksdb_writebatch_t *(*writebatch_create)(void);
  void (*writebatch_destroy)(rocksdb_writebatch_t *);
  void (*writebatch_clear)(rocksdb_writebatch_t *);
  void (*writebatch_put)(rocksdb_writebatch_t *, const void *, size_t, const void *, size_t);
  rocksdb_pinnableslice_t *(*get_pinned)(rocksdb_t *, const rocksdb_readoptions_t *,
      const void *, size_t, peer_error *);
  const void *(*pinnableslice_value)(const rocksdb_pinnableslice_t *, size_t *);
  void (*pinnableslice_destroy)(rocksdb_pinnableslice_t *);
  rocksdb_iterator_t *(*create_iterator)(rocksdb_t *, const rocksdb_readoptions_t *);
  void (*iter_destroy)(rocksdb_iterator_t *);
  uint8_t (*iter_valid)(const rocksdb_iterator_t *);
  void (*iter_seek_to_first)(rocksdb_iterator_t *);
  void (*iter_seek)(rocksdb_iterator_t *, const void *, size_t);
  void (*iter_next)(rocksdb_iterator_t *);
  const void *(*iter_key)(const rocksdb_iterator_t *, size_t *);
  const void *(*iter_value)(const rocksdb_iterator_t *, size_t *);
  void (*iter_get_error)(const rocksdb_iterator_t *, peer_error *);
  rocksdb_flushoptions_t *(*flushoptions_create)(void);
  void (*flushoptions_destroy)(rocksdb_flushoptions_t *);
  void (*flush)(rocksdb_t *, const rocksdb_flushoptions_t *, peer_error *);
  int (*property_int)(rocksdb_t *, const char *, uint64_t *);
  void (*free)(void *);
};

// LevelDB

typedef struct leveldb_t leveldb_t;
typedef struct leveldb_cache_t leveldb_cache_t;
typedef struct leveldb_filterpolicy_t leveldb_filterpolicy_t;
typedef struct leveldb_options_t leveldb_options_t;
typedef struct leveldb_readoptions_t leveldb_readoptions_t;
typedef struct leveldb_writeoptions_t leveldb_writeoptions_t;
typedef struct leveldb_writebatch_t leveldb_writebatch_t;
typedef struct leveldb_iterator_t leveldb_iterator_t;

struct leveldb_functions {
  leveldb_options_t *(*options_create)(void);
  void (*options_destroy)(leveldb_options_t *);
  void (*options_set_create_if_missing)(leveldb_options_t *, uint8_t);
  void (*options_set_write_buffer_size)(leveldb_options_t *, size_t);
  void (*options_set_max_file_size)(leveldb_options_t *, size_t);
  void (*options_set_max_open_files)(leveldb_options_t *, int);
  void (*options_set_cache)(leveldb_options_t *, leveldb_cache_t *);
  void (*options_set_filter_policy)(leveldb_options_t *, leveldb_filterpolicy_t *);
  leveldb_cache_t *(*cache_create_lru)(size_t);
  void (*cache_destroy)(leveldb_cache_t *);
  leveldb_filterpolicy_t *(*filterpolicy_create_bloom)(int);
  void (*filterpolicy_destroy)(leveldb_filterpolicy_t *);
  leveldb_t *(*open)(const leveldb_options_t *, const char *, peer_error *);
  void (*close)(leveldb_t *);
  leveldb_writeoptions_t *(*writeoptions_create)(void);
  void (*writeoptions_destroy)(leveldb_writeoptions_t *);
  void (*writeoptions_set_sync)(leveldb_writeoptions_t *, uint8_t);
  leveldb_readoptions_t *(*readoptions_create)(void);
  void (*readoptions_destroy)(leveldb_readoptions_t *);
  void (*put)(leveldb_t *, const leveldb_writeoptions_t *, const void *, size_t, const void *,
      size_t, peer_error *);
  void (*delete)(leveldb_t *, const leveldb_writeoptions_t *, const void *, size_t, peer_error *);
  void (*write)(leveldb_t *, const leveldb_writeoptions_t *, leveldb_writebatch_t *, peer_error *);
  leveldb_writebatch_t *(*writebatch_create)(void);
  void (*writebatch_destroy)(leveldb_writebatch_t *);
  void (*writebatch_clear)(leveldb_writebatch_t *);
  void (*writebatch_put)(leveldb_writebatch_t *, const void *, size_t, const void *, size_t);
  void *(*get)(leveldb_t *, const leveldb_readoptions_t *, const void *, size_t,
      size_t *, peer_error *);
  leveldb_iterator_t *(*create_iterator)(leveldb_t *, const leveldb_readoptions_t *);
  void (*iter_destroy)(leveldb_iterator_t *);
  uint8_t (*iter_valid)(const leveldb_iterator_t *);
  void (*iter_seek_to_first)(leveldb_iterator_t *);
  void (*iter_seek)(leveldb_iterator_t *, const void *, size_t);
  void (*iter_next)(leveldb_iterator_t *);
  const void *(*iter_key)(const leveldb_iterator_t *, size_t *);
  const void *(*iter_value)(const leveldb_iterator_t *, size_t *);
  void (*iter_get_error)(const leveldb_iterator_t *, peer_error *);
  void (*free)(void *);
};

// LMDB

typedef struct MDB_env MDB_env;
typedef struct MDB_txn MDB_txn;
typedef struct MDB_cursor MDB_cursor;

/// MDB_val: bytes that somebody else owns.
struct lmdb_value {
  size_t count;
  const void *bytes;
};

enum {
  LMDB_FIRST = 0,
  LMDB_NEXT = 8,
  LMDB_SET_RANGE = 17,
};
enum {
  LMDB_NOT_FOUND = -30798,
  LMDB_NO_SYNC = 0x10000,
  LMDB_READ_ONLY = 0x20000,
  LMDB_CREATE = 0x40000,
  LMDB_WRITE_MAP = 0x80000,
  LMDB_NO_THREAD_LOCALS = 0x200000,
  LMDB_NO_READ_AHEAD = 0x800000,
  LMDB_NO_MEMORY_INIT = 0x1000000,
};

struct lmdb_functions {
  int (*env_create)(MDB_env **);
  int (*env_set_mapsize)(MDB_env *, size_t);
  int (*env_set_maxreaders)(MDB_env *, unsigned);
  int (*env_open)(MDB_env *, const char *, unsigned, unsigned);
  void (*env_close)(MDB_env *);
  int (*txn_begin)(MDB_env *, MDB_txn *, unsigned, MDB_txn **);
  int (*txn_commit)(MDB_txn *);
  void (*txn_abort)(MDB_txn *);
  void (*txn_reset)(MDB_txn *);
  int (*txn_renew)(MDB_txn *);
  int (*dbi_open)(MDB_txn *, const char *, unsigned, unsigned *);
  int (*get)(MDB_txn *, unsigned, struct lmdb_value *, struct lmdb_value *);
  int (*put)(MDB_txn *, unsigned, struct lmdb_value *, struct lmdb_value *, unsigned);
  int (*del)(MDB_txn *, unsigned, struct lmdb_value *, struct lmdb_value *);
  int (*cursor_open)(MDB_txn *, unsigned, MDB_cursor **);
  void (*cursor_close)(MDB_cursor *);
  int (*cursor_renew)(MDB_txn *, MDB_cursor *);
  int (*cursor_get)(MDB_cursor *, struct lmdb_value *, struct lmdb_value *, int);
  char *(*strerror)(int);
};

/// The functions of the installed library; NULL where it, or one of them, is missing. Loaded once
/// and kept; not for several threads at once.
const struct rocksdb_functions *peer_rocksdb(void);
const struct leveldb_functions *peer_leveldb(void);
const struct lmdb_functions *peer_lmdb(void);
/// The file that holds `function`, whose name tells the version; NULL where that is not known.
const char *peer_library_path(const void *function);

#endif
