"""A stand-in for the agent: runs the steps in AGENT_DOES, and numbers its lines."""
import os
import signal
import socket
import sys
import time

line = 0
listener = socket.socket()


def log(text):
    global line
    line += 1
    print("%06d %s" % (line, text), flush=True)


def wait(seconds):
    """Prints a line every 0.1 s."""
    until = time.monotonic() + float(seconds)
    while time.monotonic() < until:
        log("alive")
        time.sleep(0.1)


def crowd(action, name):
    """Lets a player join or leave the stand-in server."""
    with open("crowd", "a") as file:
        file.write("%s %s\n" % (action, name))


def orphans(count):
    """Leaves child processes behind that end a little later: process 1 has to reap them."""
    for _ in range(int(count)):
        child = os.fork()
        if child == 0:
            if os.fork() == 0:
                time.sleep(0.3)
            os._exit(0)
        os.waitpid(child, 0)


def daemon(environment=os.environ):
    """Leaves a process behind in a session of its own, which ignores SIGTERM."""
    child = os.fork()
    if child == 0:
        os.setsid()
        if os.fork() == 0:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            os.execve("/bin/sleep", ["sleep", "600"], environment)
        os._exit(0)
    os.waitpid(child, 0)


def fill(megabytes):
    """Writes bytes that cannot be compressed, until the disk is full at the latest."""
    try:
        with open("noise.bin", "wb", buffering=0) as file:
            for _ in range(int(megabytes)):
                file.write(os.urandom(1 << 20))
    except OSError as error:
        log("full: %s" % error)


def allocate():
    """Allocates memory until it is killed for it."""
    blocks = []
    while True:
        blocks.append(bytearray(os.urandom(1 << 20)) * 8)


def listen(port):
    """Listens at a port for as long as it lives."""
    listener.bind(("", int(port)))
    listener.listen()
    log("listens at %s" % port)


def describe():
    """Prints its user and the names in its environment."""
    log("uid %d gid %d groups %s" % (os.getuid(), os.getgid(), os.getgroups()))
    for name in sorted(os.environ):
        log("environment %s" % name)


STEPS = {
    "wait": wait,
    "join": lambda name: crowd("join", name),
    "leave": lambda name: crowd("leave", name),
    "orphans": orphans,
    "daemon": daemon,
    "hide": lambda: daemon({}),
    "fill": fill,
    "allocate": allocate,
    "describe": describe,
    "listen": listen,
    "exit": lambda code: sys.exit(int(code)),
}

log("arguments %s" % " ".join(sys.argv[1:]))
for step in os.environ.get("AGENT_DOES", "wait 1").split(","):
    name, *words = step.split()
    log(step.strip())
    STEPS[name](*words)
