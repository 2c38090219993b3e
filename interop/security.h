/*
 * Mechanisms: how the two sides prove who they are.
 */
#ifndef INTEROP_SECURITY_H
#define INTEROP_SECURITY_H

#include "patterns.h"

/* Makes a side a client or a server of "null", "plain", "curve", "gssapi" or "gssapi-plain" ("-a" or "-b" behind it names the side that is the server), and starts a
 * ZAP handler in the context of a server. */
void begin_security(void *context, const side_t *side, const char *mechanism, int is_a);

/* The handler has judged its peers as it should; ends it. */
void end_security(void);

#endif
