import { HsafaError } from "@hsafa/client";
import { Link } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";
import styles from "./sign-in-page.module.css";

/** Asks for a key or a token, which becomes a session. The page keeps neither. */
export function SignInPage(props: {
  readonly hasEnded: boolean;
  readonly onCredential: (credential: string) => Promise<void>;
}) {
  const { hasEnded, onCredential } = props;
  const [fault, setFault] = useState<string | null>(null);
  const [isAsking, setAsking] = useState(false);

  async function submit(event: FormEvent<HTMLFormElement>): Promise<void> {
    event.preventDefault();
    const form = event.currentTarget;
    const credential = new FormData(form).get("credential");
    if (typeof credential !== "string" || credential.trim() === "") return;
    setAsking(true);
    setFault(null);
    try {
      await onCredential(credential.trim());
    } catch (error) {
      setFault(error instanceof HsafaError ? (error.problem?.detail ?? error.message) : String(error));
      setAsking(false);
    }
  }

  return (
    <main className={styles.page}>
      <form className={styles.form} onSubmit={(event) => void submit(event)}>
        <h1>Sign in to hsafa</h1>
        {hasEnded && <p role="status">Your session has ended. Enter the key again.</p>}
        <label htmlFor="credential">API key or token</label>
        <input
          id="credential"
          name="credential"
          type="password"
          autoComplete="off"
          spellCheck={false}
          aria-describedby="about-keys"
          aria-invalid={fault !== null}
        />
        <p id="about-keys" className={styles.note}>
          The page does not keep it. The gateway puts it into a cookie that no script reads, for 12 hours at most. With{" "}
          <code>hsafa dev</code> the key is in <code>.hsafa/key</code>.
        </p>
        {fault !== null && (
          <p role="alert" className={styles.fault}>
            {fault}
          </p>
        )}
        <button type="submit" disabled={isAsking}>
          {isAsking ? "Signing in…" : "Sign in"}
        </button>
        <p className={styles.note}>
          <Link to="/open">Open a run from a file</Link>, which needs no key.
        </p>
      </form>
    </main>
  );
}
