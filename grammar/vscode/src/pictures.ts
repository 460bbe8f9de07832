// Pictures of graphs, drawn here: Graphviz is part of the extension. Knows nothing of VS Code.

/** The picture of a graph in DOT, as SVG. */
export async function drawn(dot: string): Promise<string> {
  const { instance } = await import("@viz-js/viz"); // when the first picture is wanted
  const viz = await instance();
  const svg = viz.renderString(dot, { format: "svg", graphAttributes: { bgcolor: "transparent" } });
  return svg.slice(svg.indexOf("<svg"));
}

// The boxes keep their light colours under dark text in every theme; what lies around them takes those of the theme.
const STYLE = `
body { margin: 1rem; color: var(--vscode-editor-foreground); background: var(--vscode-editor-background) }
svg { max-width: 100%; height: auto }
.note { margin: 0 0 1rem; padding: .4rem .6rem; border-left: 3px solid var(--vscode-editorWarning-foreground) }
body.vscode-dark .edge path, body.vscode-high-contrast .edge path { stroke: var(--vscode-editor-foreground) }
body.vscode-dark .edge polygon, body.vscode-high-contrast .edge polygon {
  stroke: var(--vscode-editor-foreground); fill: var(--vscode-editor-foreground) }
body.vscode-dark .cluster > polygon, body.vscode-high-contrast .cluster > polygon { fill: transparent }
body.vscode-dark .edge text, body.vscode-high-contrast .edge text, body.vscode-dark .cluster text,
body.vscode-high-contrast .cluster text, body.vscode-dark .node:not(:has(polygon, path, ellipse)) text,
body.vscode-high-contrast .node:not(:has(polygon, path, ellipse)) text { fill: var(--vscode-editor-foreground) }
`;

/** A page that shows a picture, with a note above it. It runs no script and asks nobody for anything. */
export function graphPage(title: string, svg: string, note = ""): string {
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${escapeHtml(title)}</title>
<style>${STYLE}</style>
</head>
<body>${note && `<p class="note" role="status">${escapeHtml(note)}</p>`}${svg}</body>
</html>`;
}

export function escapeHtml(text: string): string {
  const names: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
  return text.replace(/[&<>"]/g, (char) => names[char]!);
}
