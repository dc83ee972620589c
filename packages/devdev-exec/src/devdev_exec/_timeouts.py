"""Every wait of the launcher is bounded; these are the bounds, in seconds."""

SETTLE_TIMEOUT = 0.1
"""For what a program left running to end by itself, as the end of a pipeline does."""

TERMINATE_TIMEOUT = 0.25
"""For processes to end after SIGTERM, before SIGKILL."""

KILL_TIMEOUT = 2.0
"""For processes to end after SIGKILL; only what waits in the kernel needs it."""

FLUSH_TIMEOUT = 1.0
"""For the owner to take the rest of the output when the launcher stops."""

END_TIMEOUT = TERMINATE_TIMEOUT + KILL_TIMEOUT + FLUSH_TIMEOUT + 0.5
"""For a supervisor to end its command and itself."""

REAP_TIMEOUT = 0.5
"""For the helper to kill what its supervisors left behind, when it stops."""

CLOSE_TIMEOUT = END_TIMEOUT + REAP_TIMEOUT + 0.5
"""For the helper to end; then it is killed."""

SUBMIT_TIMEOUT = 10.0
"""For the helper to make room for one more request."""

LONGEST_WAIT = 3600.0
"""What is asked of the system at a time: poll(2) counts milliseconds in an int."""

START_TIMEOUT = 30.0
"""For a program that goes on to be executed; it may lie on a slow mount."""

TURN_TIMEOUT = 10.0
"""For another program to end, where one that goes on has to wait for it."""
