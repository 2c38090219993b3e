typedef struct zmq_msg_t {
#if defined _MSC_VER && defined _WIN64
    __declspec(align (8)) unsigned char _[64];
#elif defined _MSC_VER
    __declspec(align (4)) unsigned char _[64];
#elif defined __GNUC__ || defined __INTEL_COMPILER \
  || (defined __SUNPRO_C && __SUNPRO_C >= 0x590) || (defined __SUNPRO_CC && __SUNPRO_CC >= 0x590)
    unsigned char _[64] __attribute__ ((aligned (sizeof (void *))));
#else
    unsigned char _[64];
#endif
} zmq_msg_t;
