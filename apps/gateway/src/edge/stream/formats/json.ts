import type { EventFormat } from "../../../follow/event-format.ts";

/** Each event as it is: one message of a watch socket. */
export const jsonFormat: EventFormat = {
  encode: ({ json }) => json,
};
