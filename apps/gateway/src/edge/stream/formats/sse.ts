import type { EventFormat } from "../../../follow/event-format.ts";

const EVENT_END = Buffer.from("\n\n");

/**
 * Server-sent events: an `id` line with the position, and one `data` line, since JSON text holds no line break. An
 * event without a position has no `id` line, so that a client's last position stays what it was.
 */
export const sseFormat: EventFormat = {
  encode({ id, json }) {
    const head = id === null ? "data: " : `id: ${id}\ndata: `;
    const bytes = Buffer.allocUnsafe(head.length + json.length + EVENT_END.length);
    bytes.write(head, "latin1");
    bytes.set(json, head.length);
    bytes.set(EVENT_END, head.length + json.length);
    return bytes;
  },
};
