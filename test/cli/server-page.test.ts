/** docs/server.md: each command of ours that it shows could be started as it stands. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { runCli } from './run-cli.ts'

const page = readFileSync(path.join(import.meta.dirname, '..', '..', 'docs', 'server.md'), 'utf8')
const commands = [...page.matchAll(/^ {4}kubectl intercept +((?:server|sidecar) .*)$/gm)].map(([, line = '']) => line)
const block = (start: RegExp): string => new RegExp(`\`\`\`\\w*\\n(${start.source}[\\s\\S]*?)\`\`\``).exec(page)?.[1] ?? ''

/** The files that the page shows, in a folder of their own. */
const folder = mkdtempSync(path.join(os.tmpdir(), 'server-page-'))
mkdirSync(path.join(folder, 'secrets'))
writeFileSync(path.join(folder, 'secrets', 'nginx'), 'word\n')
writeFileSync(path.join(folder, 'server.yaml'), block(/# server\.yaml/))
writeFileSync(path.join(folder, 'rules.txt'), block(/# HOST TUNNEL-ID/))
writeFileSync(path.join(folder, 'policy.yaml'), block(/# policy\.yaml/).replace('/run/secrets/', 'secrets/'))
afterAll(() => rmSync(folder, { recursive: true }))

const words = (line: string): string[] => [...line.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? '')

describe('docs/server.md', () => {
  it.each(commands)('shows a command that works: %s', async line => {
    const argv = words(line.replaceAll('UUID', '10bc451e-59dc-4c70-999e-91a30813ac78'))
    const { code, stdout, stderr } = await runCli([...argv, '--check'], { cwd: folder })
    expect([code, stderr]).toEqual([0, ''])
    expect(stdout).toMatch(/^(?:tunnel server on port 8421|sidecar registers at proxy:8421)/)
    if (line.includes('--policy')) expect(stdout).toContain('connectors need credentials (2 known)')
    if (line.includes('--rules')) expect(stdout).toContain('*.shop.example → tunnel 4d21094e…')
  })

  it('shows some', () => {
    expect(commands.length).toBeGreaterThan(5)
  })
})
