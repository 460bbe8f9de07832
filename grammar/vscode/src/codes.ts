// Codes of diagnostics, and the pictures of graphs. Knows nothing of VS Code.

/** What `inferc explain` takes. */
export const CODE = /^[ENW]\d{4}$/;

/** The code of a diagnostic in any of the forms that editors keep it in. */
export function codeOf(code: string | number | { value: string | number } | undefined): string | undefined {
  const text = String(typeof code === "object" ? code.value : code);
  return CODE.test(text) ? text : undefined;
}

/** A page that shows an SVG picture and lets no script run. */
export function graphPage(title: string, svg: string): string {
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<title>${escapeHtml(title)}</title>
<style>body { background: white; margin: 1rem } img { max-width: 100%; height: auto }</style>
</head>
<body><img alt="${escapeHtml(title)}" src="data:image/svg+xml;base64,${Buffer.from(svg).toString("base64")}"></body>
</html>`;
}

export function escapeHtml(text: string): string {
  const names: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
  return text.replace(/[&<>"]/g, (char) => names[char]!);
}
