/** Says that a request took too long to arrive. */
export const TOO_SLOW = {
  code: "invalid_request",
  status: 408,
  detail: "The request took too long to arrive; send it again.",
} as const;
