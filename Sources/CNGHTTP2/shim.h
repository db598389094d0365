// nghttp2 1.52 or newer: HTTP/2 frames, streams, flow control and header compression.
#ifndef C_NGHTTP2_SHIM_H
#define C_NGHTTP2_SHIM_H

#include <nghttp2/nghttp2.h>

#endif
