"""Real faults of real nodes: processes over a real NATS server, killed, stopped and cut off.

    python -m tests.node_faults                       # each fault 20 times
    python -m tests.node_faults kill-node --times 3   # one of them

Three nodes, each a process, send to and ask each other without end. Each says in a file of its own
what it sent, what it handled and what it was told (`worker.py`). Afterwards the files are held
against the laws (`laws.py`): each message was handled once, or its sender was told.

| fault | what happens |
| --- | --- |
| `kill-node` | `kill -9` of one of the nodes; a new one of its name comes |
| `kill-server` | `kill -9` of the NATS server, which is started anew |
| `cut-off` | one node has no network for longer than the others have patience (as root) |
| `stop-node` | SIGSTOP of one node, past its lease, then SIGCONT |
"""
