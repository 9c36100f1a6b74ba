import type { WatchMessage } from "@hsafa/protocol";
import type { MessageTransport } from "../../src/edge/socket/message-transport.ts";
import type { Plant } from "./plants.ts";

/** The transport of a watch socket, with a bug that is planted there. */
export function plantedWatchTransport(plant: Plant | null, transport: MessageTransport): MessageTransport {
  switch (plant) {
    case "subscribe_from_the_start":
      return forgettingPositions(transport);
    case "lose_what_waits":
      return losingWhenFull(transport);
    default:
      return transport;
  }
}

/** A client that subscribes again is sent the run from its first event. */
function forgettingPositions(transport: MessageTransport): MessageTransport {
  return {
    ...transport,
    open: (events) =>
      transport.open({
        ...events,
        text: (text, byteLength) => {
          const message = JSON.parse(text) as WatchMessage;
          const { type } = message;
          events.text(type === "subscribe" ? JSON.stringify({ type, runId: message.runId }) : text, byteLength);
        },
      }),
    get bufferedAmount() {
      return transport.bufferedAmount;
    },
  };
}

/** What is sent while the client reads nothing is lost. */
function losingWhenFull(transport: MessageTransport): MessageTransport {
  return {
    ...transport,
    send(text, onSent) {
      if (transport.bufferedAmount === 0) transport.send(text, onSent);
      else queueMicrotask(onSent);
    },
    get bufferedAmount() {
      return transport.bufferedAmount;
    },
  };
}
