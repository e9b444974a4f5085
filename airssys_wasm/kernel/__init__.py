"""Actors, mailboxes, links, timers and names: the kernel on which everything else stands."""
