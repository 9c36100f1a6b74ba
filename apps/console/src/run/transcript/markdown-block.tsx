import { memo } from "react";
import Markdown, { type Components } from "react-markdown";

/** Links lead out of the console in a window of their own. Images are named, and never loaded from elsewhere. */
const components: Components = {
  a: ({ href, children }) => (
    <a href={href} target="_blank" rel="noopener noreferrer nofollow">
      {children}
    </a>
  ),
  img: ({ src, alt }) => (
    <a href={src} target="_blank" rel="noopener noreferrer nofollow">
      image: {alt === undefined || alt === "" ? src : alt}
    </a>
  ),
};

/** One block of a text. */
export const MarkdownBlock = memo(function MarkdownBlock({ text }: { readonly text: string }) {
  return <Markdown components={components}>{text}</Markdown>;
});
