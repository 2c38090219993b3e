/*  The commands of the Paranoid Pirate Protocol, https://rfc.zeromq.org/spec/6/ */

#ifndef PPP_H
#define PPP_H

#define PPP_READY "\001"
#define PPP_HEARTBEAT "\002"

/*  A peer that has been silent for so many intervals counts as gone. */
#define PPP_LIVENESS 3

#endif
