//! Which system calls the job may not make: seccomp.
//!
//! A list of what is forbidden, since nobody knows all that programs need. No socket is made, so there is no
//! network, and io_uring, which would make one unseen, is away. Nothing leaves the process
//! group, so that killing it kills all. No process outside can be signalled, traced or limited. What could open
//! another way into the kernel is shut for good measure.

use std::collections::BTreeMap;

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
    TargetArch, apply_filter,
};

/// Forbidden whatever the arguments.
const FORBIDDEN: &[i64] = &[
    // The network.
    libc::SYS_socket,
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    // Leaving the process group, or the sight of whoever must end it.
    libc::SYS_setsid,
    libc::SYS_setpgid,
    // Other processes of the same user.
    libc::SYS_tkill,
    libc::SYS_tgkill,
    libc::SYS_rt_sigqueueinfo,
    libc::SYS_rt_tgsigqueueinfo,
    libc::SYS_pidfd_send_signal,
    libc::SYS_pidfd_getfd,
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_process_madvise,
    libc::SYS_kcmp,
    libc::SYS_migrate_pages,
    libc::SYS_move_pages,
    libc::SYS_setpriority,
    libc::SYS_ioprio_set,
    libc::SYS_sched_setparam,
    libc::SYS_sched_setscheduler,
    libc::SYS_sched_setattr,
    // What processes of one user share.
    libc::SYS_shmget,
    libc::SYS_semget,
    libc::SYS_msgget,
    libc::SYS_mq_open,
    // Files that Landlock does not see.
    libc::SYS_memfd_create,
    libc::SYS_open_by_handle_at,
    libc::SYS_name_to_handle_at,
    // Namespaces and mounts.
    libc::SYS_unshare,
    libc::SYS_setns,
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_move_mount,
    libc::SYS_open_tree,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_mount_setattr,
    // The system as a whole.
    libc::SYS_acct,
    libc::SYS_add_key,
    libc::SYS_bpf,
    libc::SYS_clock_adjtime,
    libc::SYS_clock_settime,
    libc::SYS_adjtimex,
    libc::SYS_delete_module,
    libc::SYS_finit_module,
    libc::SYS_init_module,
    libc::SYS_kexec_load,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_kexec_file_load,
    #[cfg(not(target_arch = "x86_64"))]
    294,
    libc::SYS_keyctl,
    libc::SYS_perf_event_open,
    libc::SYS_personality,
    libc::SYS_quotactl,
    libc::SYS_reboot,
    libc::SYS_request_key,
    libc::SYS_sethostname,
    libc::SYS_setdomainname,
    libc::SYS_settimeofday,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_syslog,
    libc::SYS_userfaultfd,
    libc::SYS_vhangup,
    // quotactl_fd, memfd_secret, process_mrelease: numbers above 423 are the same everywhere, and libc does not know
    // them everywhere.
    443,
    447,
    448,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_iopl,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_ioperm,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_modify_ldt,
    // Of the x32 ABI, with numbers of their own: ptrace, rt_sigqueueinfo, kexec_load, rt_tgsigqueueinfo,
    // process_vm_readv, process_vm_writev.
    #[cfg(target_arch = "x86_64")]
    521,
    #[cfg(target_arch = "x86_64")]
    524,
    #[cfg(target_arch = "x86_64")]
    528,
    #[cfg(target_arch = "x86_64")]
    536,
    #[cfg(target_arch = "x86_64")]
    539,
    #[cfg(target_arch = "x86_64")]
    540,
];

/// Seem to succeed and do nothing: programs change modes of files that they have written, and no mode comes back.
const WITHOUT_EFFECT: &[i64] = &[
    #[cfg(target_arch = "x86_64")]
    libc::SYS_chmod,
    libc::SYS_fchmod,
    libc::SYS_fchmodat,
    // fchmodat2
    452,
];

/// Seem not to exist: what asks goes another way, whose arguments can be looked at.
const UNKNOWN: &[i64] = &[libc::SYS_clone3];

/// Forbidden for any process but the caller itself, which is 0.
const FOR_ITSELF_ONLY: &[i64] = &[libc::SYS_prlimit64, libc::SYS_sched_setaffinity];

/// Limits the system calls of this thread and all that it starts.
pub(super) fn restrict() -> Result<(), String> {
    let failed = |error: &dyn std::fmt::Display| format!("it needs seccomp: {error}");
    let arch = TargetArch::try_from(std::env::consts::ARCH).map_err(|error| failed(&error))?;
    let denied = |number: i32| u32::try_from(number).map(SeccompAction::Errno).unwrap_or(SeccompAction::KillProcess);
    let filters = [
        (forbidden().map_err(|error| failed(&error))?, denied(libc::EPERM)),
        (always(UNKNOWN), denied(libc::ENOSYS)),
        (always(WITHOUT_EFFECT), denied(0)),
    ];
    for (rules, action) in filters {
        let filter = SeccompFilter::new(rules, SeccompAction::Allow, action, arch);
        let program: BpfProgram = filter.and_then(TryInto::try_into).map_err(|error| failed(&error))?;
        apply_filter(&program).map_err(|error| failed(&error))?;
    }
    Ok(())
}

type Rules = BTreeMap<i64, Vec<SeccompRule>>;

fn always(numbers: &[i64]) -> Rules {
    numbers.iter().flat_map(|number| names(*number)).map(|number| (number, Vec::new())).collect()
}

fn forbidden() -> Result<Rules, seccompiler::BackendError> {
    // The new namespaces that `clone` can make; a time namespace takes `unshare`.
    const NAMESPACES: i32 = libc::CLONE_NEWUSER
        | libc::CLONE_NEWNS
        | libc::CLONE_NEWNET
        | libc::CLONE_NEWPID
        | libc::CLONE_NEWIPC
        | libc::CLONE_NEWUTS
        | libc::CLONE_NEWCGROUP;
    let mut rules = always(FORBIDDEN);
    let mut forbid = |number: i64, of: &[SeccompRule]| {
        for number in names(number) {
            rules.insert(number, of.to_vec());
        }
    };
    let when = |argument: u8, comparison: SeccompCmpOp, value: u64| {
        SeccompRule::new(vec![SeccompCondition::new(argument, SeccompCmpArgLen::Dword, comparison, value)?])
    };
    let not_itself = [when(0, SeccompCmpOp::Ne, 0)?];
    for number in FOR_ITSELF_ONLY {
        forbid(*number, &not_itself);
    }
    // 0 is the own process group, in which there is nobody else.
    forbid(libc::SYS_kill, &not_itself);
    let flags = (0..32).map(|bit| 1_i32 << bit).filter(|flag| NAMESPACES & flag != 0);
    let namespaces = flags.map(|flag| {
        let flag = u64::from(flag.unsigned_abs());
        when(0, SeccompCmpOp::MaskedEq(flag), flag)
    });
    forbid(libc::SYS_clone, &namespaces.collect::<Result<Vec<_>, _>>()?);
    Ok(rules)
}

/// The numbers of a call: on x86-64 there is a second one, of the x32 ABI, which is the same call.
fn names(number: i64) -> impl Iterator<Item = i64> {
    const X32: i64 = 0x4000_0000;
    std::iter::once(number).chain(cfg!(target_arch = "x86_64").then_some(number | X32))
}
