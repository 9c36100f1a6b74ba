/** Why a gateway closes a WebSocket. Each code says what the other side does next. */
export const CLOSE_CODES = {
  /** The messages are not this protocol: stop. */
  protocolError: 4400,
  /** The token is missing, wrong or expired: get a new one, then reconnect. */
  notAuthenticated: 4401,
  /** Nothing was received for too long: reconnect. */
  heartbeatMissed: 4408,
  /** Another connection with the same device key took over, or the device was deleted: stop. */
  replaced: 4409,
  /** The gateway is going away: reconnect at once. */
  goingAway: 1012,
} as const;
