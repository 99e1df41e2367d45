/**
 * gost's own `--`: a separate argument `--` splits the line into worker processes, each with its own flags (cmd/gost/main.go). gost joins the words
 * with two spaces and splits again, so a word that holds two spaces falls apart; that is kept. A last `--` splits nothing.
 */
export function splitWorkers(argv: readonly string[]): string[][] {
  const line = argv.join('  ')
  if (!line.includes(' -- ')) return [[...argv]]
  return ` ${line} `
    .split(' -- ')
    .map(part => part.trim())
    .filter(part => part !== '')
    .map(part => part.split('  '))
}
