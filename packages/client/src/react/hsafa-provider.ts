import {
  createContext,
  createElement,
  type ReactElement,
  type ReactNode,
  useContext,
  useEffect,
  useMemo,
  useRef,
} from "react";
import { type Client, type ClientOptions, createClient } from "../client.ts";

/** What the hooks below a provider use. */
export interface HsafaContext {
  readonly client: Client;
  /** The gateway and the token, for devices. */
  readonly options: ClientOptions;
}

const Context = createContext<HsafaContext | null>(null);

/** The properties of `HsafaProvider`: those of `createClient`, and what stands below. */
export interface HsafaProviderProps extends ClientOptions {
  readonly children?: ReactNode;
}

/**
 * Gives the hooks below it one client, on which all of them share one connection. A new `url` makes a new client. A
 * function as `token` may be another one with each render: the latest is called. Nothing is opened on a server.
 */
export function HsafaProvider({ children, ...options }: HsafaProviderProps): ReactElement {
  const { url, token, fetch, WebSocket, transport } = options;
  // The first function stands for all later ones, since a new client would read everything again.
  const tokenKey = typeof token === "string" ? token : null;
  const latest = useRef(token);
  useEffect(() => {
    latest.current = token;
  });
  const context = useMemo<HsafaContext>(() => {
    const source = tokenKey ?? (() => (typeof latest.current === "string" ? latest.current : latest.current()));
    const all: ClientOptions = { url, token: source, fetch, WebSocket, transport };
    return { client: createClient(all), options: all };
  }, [url, tokenKey, fetch, WebSocket, transport]);
  return createElement(Context.Provider, { value: context }, children);
}

/** Returns the client of the provider above, and its options. Throws if there is none. */
export function useHsafa(): HsafaContext {
  const context = useContext(Context);
  if (context === null) throw new Error("There is no <HsafaProvider> above this component.");
  return context;
}
