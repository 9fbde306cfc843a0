"""Prints the IPv4 address of each name, or what the resolver says: none, later, or another error."""
import socket, sys

def look_up(name):
    try:
        found = socket.getaddrinfo(name, 80, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        return {socket.EAI_NONAME: "none", socket.EAI_AGAIN: "later"}.get(error.errno, str(error))
    return next((peer[0] for family, _, _, _, peer in found if family == socket.AF_INET), "only-v6")

print(*map(look_up, sys.argv[1:]))
