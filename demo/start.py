"""The start of ./script/server. Until its handlers are there, Ctrl-C ends it without a trace."""

import signal

signal.signal(signal.SIGINT, signal.SIG_DFL)
signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})  # script/server holds it back while Python starts

if __name__ == "__main__":
    from demo.__main__ import main

    raise SystemExit(main())
