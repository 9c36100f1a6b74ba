"""The device of examples/python/device.py with the tools of the cases."""
import os, sys, threading

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../../../examples/python"))
from device import Device

executions, present, arrived = 0, 0, threading.Condition()


def fail(args, call):
    raise ValueError(args["message"])


def count(args, call):
    global executions
    executions += 1
    return executions


def wait(args, call):
    call["canceled"].wait(args["ms"] / 1000)
    return args["ms"]


def meet(args, call):
    global present
    with arrived:
        present += 1
        arrived.notify_all()
        arrived.wait_for(lambda: present > args["others"])
    return present


def progress(args, call):
    for n in range(args["times"]):
        call["progress"]({"n": n})
    return args["times"]


tools = {
    "echo": lambda args, call: args["value"],
    "fail": fail,
    "count": count,
    "wait": wait,
    "meet": meet,
    "progress": progress,
    "large": lambda args, call: "x" * args["length"],
    "length": lambda args, call: len(args["text"]),
}
about = {"description": "A tool of the cases", "inputSchema": {"type": "object"}}
offered = {name: (about, execute) for name, execute in tools.items()}
code = Device(os.environ["HSAFA_URL"], os.environ["HSAFA_TOKEN"], os.environ["HSAFA_DEVICE_KEY"], offered).run()
print("the gateway will not take this device:", code)
