/**
 * Readers of syntaxes whose programs do not run on this machine, written from their rules and not from our writer: docker/cli opts/file.go,
 * compose-go dotenv/parser.go, cmd.exe's phases 1 and 2 (percent, then special characters), PowerShell's single-quoted strings.
 */

export function readDocker(text: string): Record<string, string> {
  const found: Record<string, string> = {}
  for (const raw of text.split('\n')) {
    const line = raw.trimStart()
    if (line === '' || line.startsWith('#')) continue
    const equals = line.indexOf('=')
    found[line.slice(0, equals)] = line.slice(equals + 1)
  }
  return found
}

/** Bytes of a quoted value up to its end; a backslash before the quote keeps it open. */
export function readCompose(text: string): Record<string, string> {
  const found: Record<string, string> = {}
  let rest = text
  while (rest.trim() !== '') {
    const equals = rest.indexOf('=')
    const name = rest.slice(0, equals).trim()
    rest = rest.slice(equals + 1)
    const quote = rest[0] ?? ''
    if (quote !== "'" && quote !== '"') {
      const end = rest.indexOf('\n')
      found[name] = (rest.slice(0, end).split('#')[0] ?? '').trimEnd()
      rest = rest.slice(end + 1)
      continue
    }
    let chars = ''
    let escaped = false
    let at = 1
    for (; at < rest.length; at += 1) {
      const char = rest[at] ?? ''
      if (char === quote && !escaped) break
      if (char === '\\' && !escaped) {
        escaped = true
        continue
      }
      if (escaped && char !== quote) chars += '\\'
      escaped = false
      chars += char
    }
    found[name] = quote === '"' ? composeEscapes(chars) : chars
    rest = rest.slice(at + 1).replace(/^\n/, '')
  }
  return found
}

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', '"': '"', '\\': '\\', $: '$$' }

/** Escapes first, then variables, of which `$$` is a dollar. */
const composeEscapes = (text: string): string =>
  text
    .replace(/\\([nrt"\\$])/g, (_all, char: string) => ESCAPES[char] ?? '')
    .replace(/\$\$|\$\{?\w+\}?/g, found => (found === '$$' ? '$' : '(a variable)'))

export function readCmd(text: string): Record<string, string> {
  const found: Record<string, string> = {}
  for (const line of text.split('\r\n')) {
    const command = specialCharacters(
      line
        .replace(/%%/g, '\u0000')
        .replace(/%[^%]*%/g, '(a variable)')
        .replaceAll('\u0000', '%')
    )
    const [, assignment] = /^@set (.*)$/s.exec(command) ?? []
    if (assignment === undefined) continue
    const body = assignment.startsWith('"') ? assignment.slice(1, assignment.lastIndexOf('"')) : assignment
    found[body.slice(0, body.indexOf('='))] = body.slice(body.indexOf('=') + 1)
  }
  return found
}

/** Outside quotes `^` takes the next character as it is, and `& | < >` would end the command. */
function specialCharacters(line: string): string {
  let out = ''
  let quoted = false
  for (let at = 0; at < line.length; at += 1) {
    const char = line[at] ?? ''
    if (char === '^' && !quoted) {
      at += 1
      out += line[at] ?? ''
      continue
    }
    if (char === '"') quoted = !quoted
    if (!quoted && /[&|<>]/.test(char)) return `${out}(cut at ${char})`
    out += char
  }
  return out
}

export function readPowerShell(text: string): Record<string, string> {
  const found: Record<string, string> = {}
  const assignment =
    /\$(?:Env:(\w+)|\{Env:([^}]+)\}) = ['\u2018-\u201b]((?:[^'\u2018-\u201b]|(['\u2018-\u201b])['\u2018-\u201b])*)['\u2018-\u201b]\n/gy
  for (const [, plain, braced, value = ''] of text.matchAll(assignment))
    found[plain ?? braced ?? ''] = value.replace(/(['\u2018-\u201b])['\u2018-\u201b]/g, '$1')
  return found
}
