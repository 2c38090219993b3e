
#undef ZMQ_EXPORT

#ifdef __cplusplus
}
#endif

#endif
