import type { IncomingMessage } from "node:http";
import { addressShare, clientAddress, TrustedProxies } from "../../access/client-address.ts";
import type { Principal } from "../../access/principal.ts";
import type { Refusal } from "../../access/refusal.ts";
import { RequestRates, type RequestRatesSettings } from "../../access/request-rates.ts";
import type { Clock } from "../../ports/clock.ts";
import { SLOWED_REFUSALS_MAX, SLOWED_REFUSAL_MS } from "../limits.ts";
import { HttpConnections } from "./http-connections.ts";
import { UnsentAnswers } from "./unsent-answers.ts";

/** What limits the requests of one gateway, by settings. */
export interface RequestLimitsSettings {
  readonly rates: RequestRatesSettings;
  /** Addresses and ranges of proxies whose `X-Forwarded-For` is believed. */
  readonly trustedProxies: readonly string[];
}

/** Counts the requests of one gateway, its connections and its answers, and slows down those who make too many. */
export class RequestLimits {
  readonly connections: HttpConnections;
  readonly answers = new UnsentAnswers();
  readonly #rates: RequestRates;
  readonly #trusted: TrustedProxies;
  readonly #clock: Pick<Clock, "after" | "monotonic">;
  #slowed = 0;

  constructor(settings: RequestLimitsSettings, clock: Pick<Clock, "after" | "monotonic">) {
    this.#rates = new RequestRates(settings.rates, clock);
    this.#trusted = new TrustedProxies(settings.trustedProxies);
    this.#clock = clock;
    this.connections = new HttpConnections(this.#trusted, clock);
  }

  /** Where a request comes from, as far as one client can be told from another. */
  readonly addressOf = ({ socket, headers }: IncomingMessage): string => {
    const forwarded = headers["x-forwarded-for"];
    const forwardedFor = Array.isArray(forwarded) ? forwarded.join(",") : forwarded;
    return addressShare(clientAddress({ remoteAddress: socket.remoteAddress, forwardedFor }, this.#trusted));
  };

  /** Counts a request whose maker is known, and its connection. */
  countPrincipal({ socket }: IncomingMessage, principal: Principal): Refusal | null {
    return this.#rates.countPrincipal(principal) ?? this.connections.admitted(socket, principal);
  }

  /** Counts a request whose maker is not known. Returns `refusal`, or the one that tells of too many. */
  countStranger<Otherwise extends Refusal | null>(request: IncomingMessage, otherwise: Otherwise): Refusal | Otherwise {
    return this.#rates.countStranger(this.addressOf(request)) ?? otherwise;
  }

  /**
   * Resolves when a refusal may be sent. That of too many requests waits: a client that does not wait by itself is held
   * by its own connection. Of more than `SLOWED_REFUSALS_MAX` at once the rest is sent at once.
   */
  async slow<R extends Refusal>(refusal: R): Promise<R> {
    if (refusal.code !== "too_many_requests" || this.#slowed >= SLOWED_REFUSALS_MAX) return refusal;
    this.#slowed += 1;
    await new Promise<void>((resolve) => this.#clock.after(SLOWED_REFUSAL_MS, resolve));
    this.#slowed -= 1;
    return refusal;
  }
}
