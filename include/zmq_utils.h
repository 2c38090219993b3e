/*
 * Deprecated: zmq.h declares everything that was here. Written by tools/header.sh.
 */
#ifndef __ZMQ_UTILS_H_INCLUDED__
#define __ZMQ_UTILS_H_INCLUDED__

#include "zmq.h"

#if defined __GNUC__ || defined _MSC_VER
#pragma message("zmq_utils.h is deprecated: zmq.h has all of it")
#endif

#endif
