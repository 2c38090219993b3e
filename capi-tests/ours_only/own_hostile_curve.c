/* The program of the same name, and after the handshake too whoever breaks a rule loses the connection. */
#define BREACHES_END_CONNECTIONS 1
#include "../hostile_curve.c"
