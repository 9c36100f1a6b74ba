import type { IconName } from "./places.ts";

/** An icon of the frame. The word beside it says what it means. */
export function NavIcon({ name }: { readonly name: IconName }) {
  return (
    <svg
      viewBox="0 0 16 16"
      width="16"
      height="16"
      fill="none"
      stroke="currentColor"
      strokeWidth="1.5"
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
    >
      {shapeOf(name)}
    </svg>
  );
}

function shapeOf(name: IconName) {
  switch (name) {
    case "mark":
      return <path d="M4.5 3v10M11.5 3v10M4.5 8h7" strokeWidth="2" />;
    case "runs":
      return <path d="M2.5 4h7M2.5 8h11M2.5 12h5" />;
    case "approvals":
      return <path d="M8 2l5.5 2v4c0 3-2.3 5-5.5 6-3.2-1-5.5-3-5.5-6V4zM5.6 8l1.7 1.7L10.6 6.4" />;
    case "devices":
      return <path d="M2 3.5h9v6H2zM1 12h7M12.5 6.5H15v7h-4v-2" />;
    case "agents":
      return <path d="M3 5.5h10v7H3zM8 5.5V3M6 2.5h4M6 8.5v1M10 8.5v1" />;
    case "threads":
      return <path d="M2 3h9v6H6l-2.5 2.2V9H2zM13.5 6.5v5.5H12v1.8L9.8 12H7.5" />;
    case "health":
      return <path d="M1.5 8.5h3l2-5 3 9 2-4h3" />;
    case "access":
      return <path d="M5 6.5a3 3 0 1 1 2.6 3L6 11H4.5v1.5H2V10l3.1-3.1M10.4 5.6v.01" transform="translate(1.5 0)" />;
    default:
      return name satisfies never;
  }
}
