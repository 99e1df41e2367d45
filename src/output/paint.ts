/** Colour as an addition, never as the only sign of anything. */

const CODES = { red: 31, green: 32, yellow: 33, cyan: 36, dim: 2, bold: 1 } as const
export type Color = keyof typeof CODES
export type Paint = (color: Color, text: string) => string

export const painter =
  (wanted: boolean): Paint =>
  (color, text) =>
    wanted ? `\u001b[${CODES[color]}m${text}\u001b[0m` : text
