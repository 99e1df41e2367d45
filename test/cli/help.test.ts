import { describe, expect, it } from 'vitest'
import packageJson from '../../package.json' with { type: 'json' }
import { COMMAND_NAMES } from '../../src/cli/command-names.ts'
import { runCli } from './run-cli.ts'

describe('help and version', () => {
  it('shows how to intercept, list and leave', async () => {
    const { code, stdout, stderr } = await runCli(['--help'])
    expect([code, stderr]).toEqual([0, ''])
    for (const text of [
      'kubectl intercept svc/nginx --port 8080',
      '-p, --port [NAME=]LOCAL[:REMOTE]',
      '--split PERCENT',
      '  list ',
      '-n/--namespace'
    ]) {
      expect(stdout).toContain(text)
    }
    expect(stdout).not.toContain('--watch')
  })

  it.each(COMMAND_NAMES)('has help with a usage line and an example for %s', async command => {
    const { code, stdout } = await runCli(command === 'server' || command === 'sidecar' ? [command, '--help'] : ['help', command])
    expect(code).toBe(0)
    expect(stdout).toMatch(new RegExp(`Usage:\n  kubectl intercept ${command === 'intercept' ? 'TARGET' : command}`))
    expect(stdout).toContain('Examples:\n  # ')
  })

  it('says what a flag means in the command at hand', async () => {
    const helpOf = async (command: string): Promise<string> => (await runCli(['help', command], { columns: 120 })).stdout
    expect(await helpOf('leave')).toMatch(/--all +every running session of this user on this machine\n/)
    expect(await helpOf('intercept')).toMatch(/--all +every tunnel of the namespace\n/)
    expect(await helpOf('version')).toMatch(/-o, --output FORMAT +json or yaml \(default: one line\)\n/)
    expect(await helpOf('demo')).toMatch(
      /-o, --output FORMAT +plain: a story; tui: the screen; json: one event per line \(default: plain\)\n/
    )
    expect(await helpOf('list')).toMatch(/-o, --output FORMAT +wide, json, yaml or name \(default: a table\)\n/)
  })

  it('says beside the help that a word is no command', async () => {
    const { code, stdout, stderr } = await runCli(['status', '--help'])
    expect(code).toBe(0)
    expect(stdout).toContain('Usage:')
    expect(stderr).toMatch(/^there is no command "status"/)
    expect((await runCli(['svc/nginx', '--help'])).stderr).toBe('')
    expect((await runCli(['list', '--help'])).stderr).toBe('')
  })

  it('keeps to the width of the terminal', async () => {
    const { stdout } = await runCli(['--help'], { columns: 80 })
    const prose = stdout.split('\n').filter(line => !/^ {2}(?:kubectl|#)/.test(line))
    expect(Math.max(...prose.map(line => line.length))).toBeLessThanOrEqual(80)
  })

  it('shows the help and fails when nothing is named at all', async () => {
    const { code, stdout, stderr } = await runCli([])
    expect(code).toBe(2)
    expect(stdout).toContain('Usage:')
    expect(stderr).toContain('hint:  name one, as in kubectl intercept svc/nginx --port 8080')
  })

  it('prints the version in words and as data', async () => {
    expect((await runCli(['version'])).stdout).toMatch(/^kubectl-intercept \d+\.\d+\.\d+ \(node \d+\./)
    expect((await runCli(['--version'])).stdout).toContain(packageJson.version)
    expect(JSON.parse((await runCli(['version', '-o', 'json'])).stdout)).toMatchObject({ version: packageJson.version })
    expect((await runCli(['version', '-oyaml'])).stdout).toContain(`version: ${packageJson.version}\n`)
  })
})
