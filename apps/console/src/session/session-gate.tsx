import { type Client, HsafaError } from "@hsafa/client";
import { createSessionClient, createSessions } from "@hsafa/client/session";
import type { Session, SessionState } from "@hsafa/protocol";
import { QueryCache, QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { createContext, type ReactNode, useCallback, useContext, useEffect, useMemo, useState } from "react";
import { earlyAnswers } from "../early/early-answers.ts";
import { FailureNote } from "../elements/failure-note.tsx";
import { SignInPage } from "./sign-in-page.tsx";

/** Who is signed in, and the client whose requests are theirs. */
export interface SignedIn {
  readonly session: Session;
  readonly client: Client;
  readonly signOut: () => void;
}

type State =
  | { readonly kind: "asking" }
  | { readonly kind: "stranger"; readonly hasEnded: boolean }
  | { readonly kind: "signed_in"; readonly session: Session }
  | { readonly kind: "unreachable"; readonly error: Error };

const url = location.origin;
const sessions = createSessions({ url });
const SignedInContext = createContext<SignedIn | null>(null);

/** Shows what is within to who is signed in, and asks everybody else for a key. */
export function SessionGate({ children }: { readonly children: ReactNode }) {
  const [early] = useState(() => earlyAnswers.takeSession());
  const [state, setState] = useState<State>(() => {
    const { session = null } = early?.answer ?? {};
    return session === null ? { kind: "asking" } : { kind: "signed_in", session };
  });
  const ask = useCallback(async (asked: Promise<SessionState>) => {
    try {
      const { session, isLocal } = await asked;
      setState(await stateOf(session, isLocal));
    } catch (error) {
      setState({ kind: "unreachable", error: error instanceof Error ? error : new Error(String(error)) });
    }
  }, []);
  const isAsking = state.kind === "asking";
  useEffect(() => {
    if (isAsking) void ask(early?.asked ?? sessions.get());
  }, [isAsking, early, ask]);
  // It stays the same: the client, and all that it has read, would begin anew with another one.
  const end = useCallback((hasEnded: boolean) => setState({ kind: "stranger", hasEnded }), []);

  switch (state.kind) {
    case "asking":
      return null;
    case "unreachable":
      return (
        <FailureNote title="The gateway does not answer" error={state.error}>
          <button type="button" onClick={() => void ask(sessions.get())}>
            Try again
          </button>
        </FailureNote>
      );
    case "stranger":
      return (
        <SignInPage
          hasEnded={state.hasEnded}
          onCredential={async (credential) =>
            setState({ kind: "signed_in", session: await sessions.begin(credential) })
          }
        />
      );
    case "signed_in":
      return (
        <Signed session={state.session} onEnd={end}>
          {children}
        </Signed>
      );
    default:
      return state satisfies never;
  }
}

function Signed(props: {
  readonly session: Session;
  readonly onEnd: (hasEnded: boolean) => void;
  readonly children: ReactNode;
}) {
  const { session, onEnd, children } = props;
  const signedIn = useMemo<SignedIn>(
    () => ({
      session,
      client: createSessionClient({ url, canMakeTokens: session.kind === "api_key" && session.subject === null }),
      signOut: () => void sessions.end().finally(() => onEnd(false)),
    }),
    [session, onEnd],
  );
  const queries = useMemo(() => {
    const onError = (error: Error): void => {
      if (error instanceof HsafaError && error.status === 401) onEnd(true);
    };
    return new QueryClient({
      queryCache: new QueryCache({ onError }),
      // The client tries again by itself.
      defaultOptions: { queries: { retry: false, refetchOnWindowFocus: true } },
    });
  }, [onEnd]);
  return (
    <SignedInContext value={signedIn}>
      <QueryClientProvider client={queries}>{children}</QueryClientProvider>
    </SignedInContext>
  );
}

/** Who is signed in. */
export function useSignedIn(): SignedIn {
  const signedIn = useContext(SignedInContext);
  if (signedIn === null) throw new Error("nobody is signed in here");
  return signedIn;
}

/** On the machine of the person who runs `hsafa dev`, nobody is asked for a key. */
async function stateOf(session: Session | null, isLocal: boolean): Promise<State> {
  if (session !== null) return { kind: "signed_in", session };
  if (!isLocal) return { kind: "stranger", hasEnded: false };
  try {
    return { kind: "signed_in", session: await sessions.beginLocal() };
  } catch {
    return { kind: "stranger", hasEnded: false };
  }
}
