// OpenSSL 3 (libssl, libcrypto), and functions for those of its macros that Swift cannot see.
#ifndef C_OPENSSL_SHIM_H
#define C_OPENSSL_SHIM_H

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <openssl/x509_vfy.h>

/// Oldest and newest protocol of a context; 0 for `newest` is the newest there is.
static inline int strata_ssl_set_protocols(SSL_CTX *context, int oldest, int newest) {
  return SSL_CTX_set_min_proto_version(context, oldest) == 1 &&
         SSL_CTX_set_max_proto_version(context, newest) == 1;
}

static inline int strata_ssl_set_session_protocols(SSL *session, int oldest, int newest) {
  return SSL_set_min_proto_version(session, oldest) == 1 &&
         SSL_set_max_proto_version(session, newest) == 1;
}

static inline void strata_ssl_set_server_options(SSL_CTX *context) {
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                   SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
}

static inline void strata_ssl_set_client_options(SSL_CTX *context) {
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
}

/// A write may take a part, may be repeated from another address, and idle buffers are freed.
static inline void strata_ssl_set_modes(SSL_CTX *context) {
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                SSL_MODE_RELEASE_BUFFERS);
}

/// Sessions live in the peers' tickets, none here.
static inline void strata_ssl_keep_no_sessions(SSL_CTX *context) {
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
}

static inline void strata_ssl_set_max_peer_chain(SSL_CTX *context, long byteCount) {
  SSL_CTX_set_max_cert_list(context, byteCount);
}

/// Adds to the chain sent; takes the certificate over when it answers 1.
static inline int strata_ssl_add_chain_certificate(SSL_CTX *context, X509 *certificate) {
  return (int)SSL_CTX_add0_chain_cert(context, certificate);
}

/// The keys that tickets are sealed with go from one context to another.
static inline int strata_ssl_copy_ticket_keys(SSL_CTX *from, SSL_CTX *to) {
  unsigned char keys[128];
  long count = SSL_CTX_get_tlsext_ticket_keys(from, NULL, 0);
  if (count <= 0 || count > (long)sizeof keys) return 0;
  int done = SSL_CTX_get_tlsext_ticket_keys(from, keys, count) == 1 &&
             SSL_CTX_set_tlsext_ticket_keys(to, keys, count) == 1;
  OPENSSL_cleanse(keys, sizeof keys);
  return done;
}

static inline int strata_ssl_set_host_name(SSL *session, const char *name) {
  return (int)SSL_set_tlsext_host_name(session, name);
}

static inline void strata_bio_retry_read(BIO *bio) { BIO_set_retry_read(bio); }
static inline void strata_bio_clear_retry(BIO *bio) { BIO_clear_retry_flags(bio); }

#endif
