import { Component, type ReactNode } from "react";
import { FailureNote } from "../elements/failure-note.tsx";

/** What a file says may be of a kind that nobody foresaw. Then this says so, and the page lives on. */
export class FileBoundary extends Component<
  { readonly name: string; readonly children: ReactNode },
  { readonly error: Error | null }
> {
  override state: { readonly error: Error | null } = { error: null };

  static getDerivedStateFromError(error: unknown): { readonly error: Error } {
    return { error: error instanceof Error ? error : new Error(String(error)) };
  }

  override render(): ReactNode {
    const { error } = this.state;
    if (error === null) return this.props.children;
    return <FailureNote title={`${this.props.name} holds something that cannot be shown`} error={error} />;
  }
}
