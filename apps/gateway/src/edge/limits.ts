import { CALL_ID_CHARACTERS_MAX } from "@hsafa/protocol";
import type { Rate } from "../runtime/token-bucket.ts";

/** Bounds of `edge`, each with its unit and the trouble it prevents (R9). */

// Payloads
/** A request body: large enough for a long conversation, small enough that a thousand at once fit in memory. */
export const BODY_BYTES_MAX = 1024 * 1024;

// WebSockets
/** How often the silence of each socket is looked at, in milliseconds: it is noticed by so much too late. */
export const SOCKET_CHECK_MS = 1000;
/** How long a closing WebSocket waits for the other side before it is cut. */
export const SOCKET_CLOSE_TIMEOUT_MS = 2000;
/** The reason in a close frame, in characters of one byte: the WebSocket standard allows no more. */
export const CLOSE_REASON_CHARACTERS_MAX = 123;
/** Faults reported of one message: enough to mend it by, and no more than fits into an answer. */
export const SOCKET_FAULTS_REPORTED_MAX = 5;
/** Of a fault's path and of its text, in characters: the names of fields in them are the client's own. */
export const SOCKET_FAULT_PATH_CHARACTERS_MAX = 200;
export const SOCKET_FAULT_CHARACTERS_MAX = 300;
/** An id that is repeated in an error about a message that is not valid, in characters. */
export const SOCKET_SUBJECT_CHARACTERS_MAX = CALL_ID_CHARACTERS_MAX;

/** How far an id is looked for in a message that has too many values to be parsed, in characters. */
export const SUBJECT_SEARCHED_CHARACTERS_MAX = 1000;

/**
 * Strangers of one socket server, and those of one address: connections that have sent no message yet. They have places
 * of their own, so that they never take one from a client. A proxy that is not trusted is one address. An attacker who
 * fills all places of an address again and again must take longer for it than a client there for its first message.
 */
export const SOCKET_STRANGERS_MAX = 4096;
export const SOCKET_STRANGERS_PER_ADDRESS_MAX = 1024;
/**
 * The same for connections that have sent something, and whose credential is being looked up or was refused. A fleet
 * that comes back at once behind one proxy is looked up in part of a second.
 */
export const SOCKET_UNKNOWN_MAX = 4096;
export const SOCKET_UNKNOWN_PER_ADDRESS_MAX = 2048;

// Devices
/** A message before registration, and after it, in bytes: a stranger gets little room. */
export const DEVICE_REGISTER_BYTES_MAX = 64 * 1024;
export const DEVICE_MESSAGE_BYTES_MAX = 1024 * 1024;
/** How long a connection may take until it has registered, in milliseconds. */
export const DEVICE_REGISTER_TIMEOUT_MS = 10_000;
/**
 * How long a device may stay unheard before it is dropped, in milliseconds: three pings. With the check that is below
 * the 20 s in which a dead line is to be noticed.
 */
export const DEVICE_UNHEARD_MAX_MS = 15_000;
/** Messages that are not this protocol before a registered device is closed. */
export const DEVICE_FAULTS_MAX = 20;
/** Messages of one session waiting to be handled, and their bytes, before its socket is paused. */
export const DEVICE_MESSAGES_QUEUED_MAX = 16;
export const DEVICE_QUEUED_BYTES_MAX = 2 * DEVICE_MESSAGE_BYTES_MAX;
/**
 * Messages and pings of one device that are handled, and bytes of text. Each call is two messages and some progress.
 * All calls in hand may end at once with the largest result. What comes faster is read later.
 */
export const DEVICE_MESSAGE_RATE: Rate = { perSecond: 200, burst: 1000 };
export const DEVICE_BYTE_RATE: Rate = { perSecond: 1024 * 1024, burst: 16 * 1024 * 1024 };
/** Bytes waiting to be written to one device: above it the device does not read, and is dropped. */
export const DEVICE_UNSENT_BYTES_MAX = 8 * 1024 * 1024;
/**
 * Registered devices of one gateway: each holds memory, whether or not it says anything. Some places always stay free
 * for other tenants (`Places`), so this is more than the 10,000 that are to find one.
 */
export const DEVICE_SOCKETS_MAX = 16_000;

// The HTTP edge
/** An `Idempotency-Key`, in characters. */
export const IDEMPOTENCY_KEY_CHARACTERS_MAX = 255;
/** An id, a name or a thread's key in a path, in characters: a key of 200 may be percent-encoded. */
export const PATH_PARAMETER_CHARACTERS_MAX = 2400;
/** Of the code that stands before each cursor of a list, in bytes: 128 bits that nobody guesses. */
export const CURSOR_CODE_BYTES = 16;
/** Faults listed in one problem document: a body wrong all over must not answer with more than it sent. */
export const PROBLEM_ERRORS_MAX = 50;
/** Of a fault's path, in characters: the names of fields in it are the client's own. */
export const PROBLEM_PATH_CHARACTERS_MAX = 200;
/**
 * Bytes of a refused body that are still read (and dropped), so that the client reads the answer instead of a reset.
 */
export const REFUSED_BODY_BYTES_MAX = 32 * 1024 * 1024;
/**
 * How long the head of a request may take to arrive, in ms, and the head and the body together. A client that trickles
 * must not hold a connection for ever. The head of a WebSocket handshake is one of these.
 */
export const REQUEST_HEAD_TIMEOUT_MS = 10_000;
export const REQUEST_TIMEOUT_MS = 30_000;
/**
 * How long an upload of a file may take, in ms: 32 MiB at 110 kB/s, as over a poor mobile line. A place is held
 * meanwhile. One that sends nothing for so long is cut before.
 */
export const UPLOAD_TIMEOUT_MS = 5 * 60_000;
export const UPLOAD_SILENCE_MS_MAX = 20_000;
/** How often connections are looked at for that, in ms: it is noticed by so much too late. */
export const REQUEST_TIMEOUT_CHECK_MS = 1000;
/** How long a connection stays open without a request, in ms: longer than load balancers keep theirs. */
export const KEEP_ALIVE_TIMEOUT_MS = 72_000;
/**
 * HTTP connections of one gateway on which a request was admitted, streams included. Each holds a file and some kB.
 */
export const HTTP_CONNECTIONS_MAX = 24_000;
/**
 * HTTP connections on which none was, and those of one address. They have places of their own. A client sends its
 * request as soon as it is connected. The requests of one address that no proxy is trusted for must find room.
 */
export const HTTP_STRANGERS_MAX = 8192;
export const HTTP_STRANGERS_PER_ADDRESS_MAX = 4096;
/**
 * Bytes of answers that were written and have not left this process, of all connections together. Beyond it answers are
 * cut. Each is there twice or so: as text, and as bytes.
 */
export const ANSWERS_UNSENT_BYTES_MAX = 64 * 1024 * 1024;
/** How long nothing of an answer may leave, in ms, before it is cut. Its client is gone, or does not read. */
export const ANSWER_STALL_MS = 20_000;
/** Requests that were sent ahead and wait, on one connection and in all. Each holds about 5 kB. */
export const REQUESTS_WAITING_PER_CONNECTION_MAX = 100;
export const REQUESTS_WAITING_MAX = 5000;
/**
 * How far apart the new connections of an address are read of which one was cut, in ms. A packet that is read before
 * the cut costs up to 15 ms.
 */
export const CUT_ADDRESS_PACE_MS = 50;
/** How long a connection of such an address waits at most, in ms: others may share the address. */
export const CUT_ADDRESS_WAIT_MS_MAX = 100;
/** How long after its last cut an address is remembered, in ms. */
export const CUT_ADDRESS_KEPT_MS = 10_000;
/** Addresses that are remembered for a cut: about 200 bytes each. */
export const CUT_ADDRESSES_REMEMBERED_MAX = 10_000;
/** How long the refusal of too many requests is held back, in ms: a client that does not wait by itself is slowed. */
export const SLOWED_REFUSAL_MS = 500;
/** Refusals that are held back at once. Each holds its request; beyond it a refusal is sent at once. */
export const SLOWED_REFUSALS_MAX = 1000;
/** How long the readiness and the metrics serve all who ask, in ms: anyone may ask, and each costs the store or CPU. */
export const OPEN_ANSWER_KEPT_MS = 250;
/** What `Retry-After` says while the store is away, in seconds. */
export const UNAVAILABLE_RETRY_AFTER_S = 1;
/** How long a browser may remember that an origin is allowed, in seconds. A change of the settings shows by then. */
export const PREFLIGHT_MAX_AGE_S = 600;

// Watching, over HTTP and WebSocket
/** How often a quiet stream sends a comment. The wire contract has it, since clients time a silence by it. */
export { STREAM_HEARTBEAT_MS } from "@hsafa/protocol";
/** How long a client waits before it comes back: after a cut, and when the gateway says that it goes. */
export const STREAM_RETRY_MS = 1000;
export const STREAM_RETRY_GOING_AWAY_MS = 100;
/** Watch sockets of one gateway that are authenticated, as many as devices, and runs followed on one of them. */
export const WATCH_SOCKETS_MAX = 16_000;
export const WATCH_TOPICS_PER_SOCKET_MAX = 100;
/** A message of a watch socket: a token and little more. */
export const WATCH_MESSAGE_BYTES_MAX = 16 * 1024;
/** Messages waiting to be handled, and their bytes, before the socket is paused. */
export const WATCH_MESSAGES_QUEUED_MAX = 16;
export const WATCH_QUEUED_BYTES_MAX = 4 * WATCH_MESSAGE_BYTES_MAX;
/** How long a watch socket may stay silent before it has authenticated. */
export const WATCH_AUTH_TIMEOUT_MS = 10_000;
/** How often it is pinged, and how long one that reads what it is sent may stay unheard. */
export const WATCH_HEARTBEAT_MS = 5000;
export const WATCH_UNHEARD_MAX_MS = 15_000;
/** The same for a watch socket, whose client may subscribe to all of its runs at once. */
export const WATCH_MESSAGE_RATE: Rate = { perSecond: 50, burst: 250 };
export const WATCH_BYTE_RATE: Rate = { perSecond: 64 * 1024, burst: 1024 * 1024 };
/** Bytes waiting to be written above which a socket is full: its runs wait, each after one more write at most. */
export const WATCH_UNSENT_BYTES_MAX = 256 * 1024;
/** Messages that are not this protocol before it is closed. */
export const WATCH_FAULTS_MAX = 20;

/** Connections on the port of the metrics: those who scrape a gateway are few. */
export const METRICS_CONNECTIONS_MAX = 64;

/**
 * Queues of the kernel from which connections are accepted, one of each in a turn of the event loop. Under a flood of
 * connections 8 cut what a new client waits to a quarter; 32 cut it no further.
 */
export const ACCEPT_QUEUES_MAX = 8;

/**
 * All connections of one gateway. It is the sum of the parts, so that none of them is refused for want of another's
 * places.
 */
export const CONNECTIONS_MAX =
  HTTP_CONNECTIONS_MAX +
  HTTP_STRANGERS_MAX +
  DEVICE_SOCKETS_MAX +
  WATCH_SOCKETS_MAX +
  2 * (SOCKET_STRANGERS_MAX + SOCKET_UNKNOWN_MAX);
