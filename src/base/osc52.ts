/** The escape sequence by which a terminal takes text into the clipboard, over ssh too (xterm, OSC 52). */

/** With base64 and the frame these make the 100,000 bytes that terminals take at most. */
export const CLIPBOARD_LIMIT_BYTES = 74_994

/** Undefined when the text is too large. `tmux` hands a sequence on only when it is wrapped (and `allow-passthrough` is on). */
export function osc52(text: string, { tmux = false }: { tmux?: boolean } = {}): string | undefined {
  const bytes = Buffer.from(text, 'utf8')
  if (bytes.length > CLIPBOARD_LIMIT_BYTES) return undefined
  const sequence = `\u001b]52;c;${bytes.toString('base64')}\u0007`
  return tmux ? `\u001bPtmux;${sequence.replaceAll('\u001b', '\u001b\u001b')}\u001b\\` : sequence
}
