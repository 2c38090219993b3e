//! Nothing: this package only names `zeromq-src`, whose source the suite compiles. See `run.sh`.
