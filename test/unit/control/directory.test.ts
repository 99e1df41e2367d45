import { chmod, mkdir, mkdtemp, rm, stat, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { chooseDirectory, controlDirectories, preparePrivate } from '../../../src/control/directory.ts'

const uid = process.getuid?.()
let root: string
beforeEach(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'dir-'))
})
afterEach(() => rm(root, { recursive: true, force: true }))

const place = (over: object = {}) => ({ env: {}, home: '/home/ada', tmp: '/tmp', platform: 'linux', uid: 1000, ...over })

describe('the folder of the control sockets', () => {
  it('is in the runtime directory, else at home, else in the temporary directory', () => {
    expect(controlDirectories(place({ env: { XDG_RUNTIME_DIR: '/run/user/1000' } }))).toEqual([
      '/run/user/1000/kubectl-intercept',
      '/home/ada/.kubectl-intercept/run',
      '/tmp/kubectl-intercept-1000'
    ])
    expect(controlDirectories(place({ env: { XDG_RUNTIME_DIR: 'relative' } }))[0]).toBe('/home/ada/.kubectl-intercept/run')
  })

  it('is never one where the path of a socket would be too long', () => {
    const home = `/home/${'a'.repeat(80)}`
    expect(controlDirectories(place({ home }))).toEqual(['/tmp/kubectl-intercept-1000'])
  })

  it('is made for its owner alone', async () => {
    const folder = path.join(root, 'a', 'b')
    expect(await preparePrivate(folder, uid)).toBe(true)
    expect((await stat(folder)).mode & 0o777).toBe(0o700)
  })

  it('is closed to others when it was open', async () => {
    const folder = path.join(root, 'open')
    await mkdir(folder)
    await chmod(folder, 0o755)
    expect(await preparePrivate(folder, uid)).toBe(true)
    expect((await stat(folder)).mode & 0o777).toBe(0o700)
  })

  it("is never a link or somebody else's folder", async () => {
    await mkdir(path.join(root, 'real'))
    await symlink(path.join(root, 'real'), path.join(root, 'link'))
    expect(await preparePrivate(path.join(root, 'link'), uid)).toBe(false)
    expect(await preparePrivate(path.join(root, 'real'), (uid ?? 0) + 1)).toBe(false)
  })

  it('is the first that can be used', async () => {
    const home = path.join(root, 'home')
    await mkdir(home)
    await symlink(home, path.join(home, '.kubectl-intercept'))
    await symlink('/nonexistent/x', path.join(root, 'kubectl-intercept'))
    expect(await chooseDirectory({ env: { XDG_RUNTIME_DIR: root }, home, tmp: root, platform: 'linux', uid })).toBe(
      path.join(home, '.kubectl-intercept', 'run')
    )
  })
})
