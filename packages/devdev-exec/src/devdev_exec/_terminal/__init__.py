"""A terminal without a display: what a person sees of a program's output."""

from devdev_exec._terminal._terminal import Terminal as Terminal

__all__ = ("Terminal",)
