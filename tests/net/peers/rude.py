"""Connects to the port that is given, many times, and is rude in the way that is given."""

import os
import socket
import ssl
import struct
import sys

PORT, MANNER, TIMES = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
LINGER = struct.pack("ii", 1, 0)

for i in range(TIMES):
    peer = socket.create_connection(("127.0.0.1", PORT))
    if MANNER == "reset":
        peer.sendall(b"x" * (i % 100))
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER)
    elif MANNER == "reset while sent to":
        peer.sendall(b"send")
        peer.recv(1)
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER)
    elif MANNER == "byte by byte":
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in b"hello, byte by byte\n":
            peer.sendall(bytes([byte]))
        peer.recv(100)
    elif MANNER.endswith("within TLS"):
        peer = ssl._create_unverified_context().wrap_socket(peer)
        peer.sendall(b"send")
        peer.recv(1)
        with socket.socket(fileno=os.dup(peer.fileno())) as below:
            below.settimeout(20)
            if MANNER == "garbage within TLS":
                below.sendall(b"garbage" * 10)
                while below.recv(100):
                    pass
            else:
                below.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER)
    peer.close()
print("done")
