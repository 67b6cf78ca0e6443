package emulator

import (
	"os/exec"
	goruntime "runtime"
	"syscall"
)

// startWithParent starts a process that ends with this one, even where this one is
// killed: the kernel minds the thread that started it, which therefore stays.
func startWithParent(cmd *exec.Cmd, started, ended chan<- error) {
	goruntime.LockOSThread()
	defer goruntime.UnlockOSThread()
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	err := cmd.Start()
	started <- err
	if err == nil {
		ended <- cmd.Wait()
	}
}
