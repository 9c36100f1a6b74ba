"""A device of hsafa in Python 3.9 or later, with nothing but the standard library (PROTOCOL.md says what it does).

    HSAFA_URL=http://127.0.0.1:3000 HSAFA_TOKEN=… python3 device.py
"""
import base64, json, os, random, socket, ssl, struct, sys, threading, time, uuid
from urllib.parse import urlsplit

PING_EVERY_S, SILENT_MAX_S, MESSAGE_MAX_BYTES, KEPT_RESULTS_MAX = 5, 15, 16 << 20, 1000
FINAL_CLOSE_CODES, REFUSED_FOR_GOOD = (4400, 4401, 4409), ("invalid_request", "not_found", "result_conflict")


class Socket:
    """The WebSocket of a client (RFC 6455)."""
    def __init__(self, url):
        parts = urlsplit(url)
        secure = parts.scheme in ("https", "wss")
        self.line = socket.create_connection((parts.hostname, parts.port or (443 if secure else 80)), SILENT_MAX_S)
        if secure:
            self.line = ssl.create_default_context().wrap_socket(self.line, server_hostname=parts.hostname)
        self.sending, self.reader = threading.Lock(), self.line.makefile("rb")
        self.line.sendall((
            f"GET {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}\r\nSec-WebSocket-Version: 13\r\n"
            f"Sec-WebSocket-Protocol: hsafa.device.v1\r\n\r\n").encode())
        head = list(iter(lambda: self.reader.readline().strip(), b""))
        if not head or head[0].split(b" ")[1:2] != [b"101"]:
            raise OSError(f"the gateway refused the connection: {head[:1]}")

    def frame(self, opcode, payload):
        size, mask = len(payload), os.urandom(4)
        length = struct.pack("!B", 0x80 | size) if size < 126 else (
            struct.pack("!BH", 0xFE, size) if size < 1 << 16 else struct.pack("!BQ", 0xFF, size))
        masked = int.from_bytes(payload, "big") ^ int.from_bytes((mask * (size // 4 + 1))[:size], "big")
        with self.sending:
            self.line.sendall(bytes([0x80 | opcode]) + length + mask + masked.to_bytes(size, "big"))

    def read(self, form):
        data = self.reader.read(struct.calcsize(form))
        if len(data) < struct.calcsize(form):
            raise EOFError(1006)
        return struct.unpack(form, data)

    def receive(self):
        """Returns the next text. Raises `EOFError` with the close code, or `OSError` when the line is dead."""
        text = b""
        while True:
            first, size = self.read("!BB")
            if size > 125:
                (size,) = self.read("!H" if size == 126 else "!Q")
            if len(text) + size > MESSAGE_MAX_BYTES:
                raise EOFError(1009)
            (payload,) = self.read(f"{size}s")
            if first & 15 == 8:
                self.frame(8, payload[:2])
                raise EOFError(struct.unpack("!H", payload[:2])[0] if payload else 1005)
            if first & 15 == 9:
                self.frame(10, payload)
            if first & 15 < 8:
                text += payload
                if first & 0x80:
                    return text.decode()


class Device:
    """`tools`: by name, `({"description", "inputSchema"}, execute)`. `execute(args, call)` returns JSON."""
    def __init__(self, url, token, key, tools):
        self.url, self.token, self.key, self.tools = url, token, key, tools
        self.boot_id, self.socket, self.calls = str(uuid.uuid4()), None, {}

    def send(self, message, opcode=1):
        """A result that cannot be sent now is sent after the next registration."""
        try:
            self.socket.frame(opcode, json.dumps(message).encode())
        except (AttributeError, OSError):
            pass

    def answer(self, call, outcome):
        call["result"] = {"type": "tool.result", "callId": call["id"], **outcome}
        if not call["settled"]:
            self.send(call["result"])

    def execute(self, call, tool, args):
        try:
            self.answer(call, {"result": self.tools[tool][1](args, call)})
        except Exception as error:
            self.answer(call, {"error": {"message": str(error) or type(error).__name__}})

    def handle(self, message):
        kind, call = message.get("type"), self.calls.get(message.get("callId"))
        if kind == "device.registered":
            for one in [one for one in self.calls.values() if one["result"] and not one["settled"]]:
                self.send(one["result"])
        elif kind == "tool.call.request" and call is None:
            for old in [one["id"] for one in self.calls.values() if one["settled"]][:-KEPT_RESULTS_MAX]:
                del self.calls[old]
            call = {"id": message["callId"], "result": None, "settled": False, "canceled": threading.Event(),
                    "progress": lambda data: self.send({"type": "tool.progress", "callId": call["id"], "data": data})}
            self.calls[call["id"]] = call
            self.send({"type": "tool.accepted", "callId": call["id"]})
            threading.Thread(None, self.execute, None, (call, message["toolName"], message["args"]), daemon=True).start()
        elif kind == "tool.call.request" and call["result"]:
            self.send(call["result"])  # The gateway asks again, so it did not get the answer.
        elif kind == "error" and call and message["code"] == "payload_too_large":
            self.answer(call, {"error": {"message": "the result is too large"}})
        elif call and (kind in ("tool.result.ack", "tool.call.cancel") or message.get("code") in REFUSED_FOR_GOOD):
            call["settled"] = True
            call["canceled"].set()

    def ping(self, one):
        while self.socket is one:
            self.send(None, opcode=9)
            time.sleep(PING_EVERY_S)

    def connect(self):
        """One connection, to its end. Returns its close code, and whether the last message before was an error."""
        one, refused = Socket(self.url.rstrip("/") + "/devices/connect"), False
        self.socket = one
        threading.Thread(target=self.ping, args=(one,), daemon=True).start()
        tools = [{"name": name, **offer} for name, (offer, _) in self.tools.items()]
        self.send({"type": "device.register", "token": self.token, "deviceKey": self.key, "platform": "python",
                   "bootId": self.boot_id, "tools": tools})
        try:
            while True:
                message = json.loads(one.receive())
                refused = message.get("type") == "error" and "callId" not in message
                self.handle(message)
        except EOFError as closed:
            return closed.args[0], refused
        finally:
            self.socket = None
            one.line.close()

    def run(self):
        """Serves until the gateway says that it will not take this device. Returns the close code."""
        pause = 0
        while True:
            try:
                code, refused = self.connect()
            except OSError:
                code, refused = 1006, True
            if code in FINAL_CLOSE_CODES:
                return code
            pause = min(30, pause * 2 or 0.5) if refused else 0
            time.sleep(random.uniform(pause / 2, pause))


if __name__ == "__main__":
    about = {"description": "Tells the time", "inputSchema": {"type": "object", "properties": {}}}
    get_time = (about, lambda args, call: {"time": time.strftime("%Y-%m-%d %H:%M:%S")})
    sys.exit(Device(os.environ["HSAFA_URL"], os.environ["HSAFA_TOKEN"], "python", {"get_time": get_time}).run())
