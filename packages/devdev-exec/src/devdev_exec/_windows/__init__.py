"""Running programs on Windows: pseudo-consoles by pywinpty, trees of processes by jobs.

`_launcher.WindowsLauncher` has the shape of `Launcher`, for commands that run to their
end.
"""
