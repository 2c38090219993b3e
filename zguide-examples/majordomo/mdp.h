/*  The Majordomo Protocol, https://rfc.zeromq.org/spec/7/ */

#ifndef MDP_H
#define MDP_H

#define MDP_CLIENT "MDPC01"
#define MDP_WORKER "MDPW01"

#define MDP_READY "\001"
#define MDP_REQUEST "\002"
#define MDP_REPLY "\003"
#define MDP_HEARTBEAT "\004"
#define MDP_DISCONNECT "\005"

/*  A peer that has been silent for so many intervals counts as gone. */
#define MDP_LIVENESS 3

#endif
