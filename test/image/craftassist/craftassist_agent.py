"""A stand-in for the agent: does what AGENT_DOES says, step after step, and counts lines all the while."""
import os
import signal
import sys
import time

line = 0


def say(text):
    global line
    line += 1
    print("%06d %s" % (line, text), flush=True)


def wait(seconds):
    """Seconds of an ordinary life."""
    until = time.monotonic() + float(seconds)
    while time.monotonic() < until:
        say("alive")
        time.sleep(0.1)


def crowd(deed, name):
    """Makes a player of the stand-in server's come or go."""
    with open("crowd", "a") as file:
        file.write("%s %s\n" % (deed, name))


def orphans(count):
    """Leaves children behind who end a little later: whoever is process 1 has to reap them."""
    for _ in range(int(count)):
        child = os.fork()
        if child == 0:
            if os.fork() == 0:
                time.sleep(0.3)
            os._exit(0)
        os.waitpid(child, 0)


def daemon(environment=os.environ):
    """Leaves a process behind that has left the group and the session, and ignores SIGTERM."""
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
        say("full: %s" % error)


def eat():
    """Takes memory until it is killed for it."""
    eaten = []
    while True:
        eaten.append(bytearray(os.urandom(1 << 20)) * 8)


def tell():
    """Tells who it is and what it was given."""
    say("uid %d gid %d groups %s" % (os.getuid(), os.getgid(), os.getgroups()))
    for name in sorted(os.environ):
        say("environment %s" % name)


STEPS = {
    "wait": wait,
    "join": lambda name: crowd("join", name),
    "leave": lambda name: crowd("leave", name),
    "orphans": orphans,
    "daemon": daemon,
    "hide": lambda: daemon({}),
    "fill": fill,
    "eat": eat,
    "tell": tell,
    "exit": lambda code: sys.exit(int(code)),
}

say("arguments %s" % " ".join(sys.argv[1:]))
for step in os.environ.get("AGENT_DOES", "wait 1").split(","):
    name, *words = step.split()
    say(step.strip())
    STEPS[name](*words)
