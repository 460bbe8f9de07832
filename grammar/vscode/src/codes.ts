// Codes of diagnostics. Knows nothing of VS Code.

/** What `inferc explain` takes. */
export const CODE = /^[ENW]\d{4}$/;

/** The code of a diagnostic in any of the forms that editors keep it in. */
export function codeOf(code: string | number | { value: string | number } | undefined): string | undefined {
  const text = String(typeof code === "object" ? code.value : code);
  return CODE.test(text) ? text : undefined;
}
