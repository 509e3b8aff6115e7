//! Where the own control groups are, from the two files that tell it (P8).

use std::path::Path;

use mtaio_monitoring::sampling::CgroupVersion;
use mtaio_monitoring::sampling::linux::cgroup::{Controller, OwnCgroups, Version};
use proptest::prelude::*;

fn resolve(cgroup: &str, mountinfo: &str) -> OwnCgroups {
    OwnCgroups::resolve(Path::new("/"), cgroup.as_bytes(), mountinfo.as_bytes())
}

#[track_caller]
fn levels(own: &OwnCgroups, controller: Controller) -> Vec<&str> {
    own.hierarchy(controller)
        .map(|hierarchy| hierarchy.levels().map(|level| level.to_str().unwrap()).collect())
        .unwrap_or_default()
}

const V2_ROOT: &str = "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n";

#[test]
fn p8_version_2_has_one_directory_for_all() {
    let own = resolve("0::/system.slice/web.service\n", V2_ROOT);
    let expected = ["/sys/fs/cgroup/system.slice/web.service", "/sys/fs/cgroup/system.slice", "/sys/fs/cgroup"];
    for controller in Controller::ALL {
        assert_eq!(levels(&own, controller), expected);
        assert_eq!(own.hierarchy(controller).unwrap().version, Version::V2);
    }
    assert_eq!(own.unified(), Some(Path::new(expected[0])));
    assert_eq!(own.version(), Some(CgroupVersion::V2));
}

#[test]
fn p8_controllers_may_share_a_hierarchy_and_lie_anywhere() {
    let own = resolve(
        "5:memory:/a\n4:cpu,cpuacct:/a:b/c\n3:name=systemd:/x\n",
        "1 0 0:9 / /dev/cgroup\\040of/cpu rw shared:1 master:2 - cgroup none rw,cpu,cpuacct\n\
         2 0 0:8 / /mnt/memory rw - cgroup cgroup rw,memory\n\
         3 0 0:7 / /mnt/systemd rw - cgroup cgroup rw,name=systemd\n\
         4 0 8:1 / / rw - ext4 /dev/sda rw\n",
    );
    let expected = ["/dev/cgroup of/cpu/a:b/c", "/dev/cgroup of/cpu/a:b", "/dev/cgroup of/cpu"];
    assert_eq!(levels(&own, Controller::Cpu), expected);
    assert_eq!(levels(&own, Controller::Cpuacct), expected);
    assert_eq!(levels(&own, Controller::Memory), ["/mnt/memory/a", "/mnt/memory"]);
    assert_eq!(own.hierarchy(Controller::Pids), None);
    assert_eq!((own.unified(), own.version()), (None, Some(CgroupVersion::V1)));
}

#[test]
fn p8_hybrid_is_decided_per_controller() {
    let own = resolve(
        "2:memory:/docker/c\n0::/docker/c\n",
        "1 0 0:8 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n\
         2 0 0:7 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n",
    );
    assert_eq!(own.hierarchy(Controller::Memory).unwrap().version, Version::V1);
    assert_eq!(own.directory(Controller::Memory), Some(Path::new("/sys/fs/cgroup/memory/docker/c")));
    assert_eq!(own.hierarchy(Controller::Cpu).unwrap().version, Version::V2);
    assert_eq!(own.version(), Some(CgroupVersion::Hybrid));
}

#[test]
fn p8_a_controller_whose_group_cannot_be_seen_is_not_in_version_2_either() {
    let own = resolve("2:memory:/docker/c\n0::/\n", V2_ROOT);
    assert_eq!(own.directory(Controller::Memory), None);
    assert_eq!(own.directory(Controller::Cpu), Some(Path::new("/sys/fs/cgroup")));
}

#[test]
fn p8_a_bound_part_of_the_tree_begins_at_its_own_root() {
    let mount = "1 0 0:8 /docker/c /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n";
    assert_eq!(levels(&resolve("2:memory:/docker/c\n", mount), Controller::Memory), ["/sys/fs/cgroup/memory"]);
    assert_eq!(
        levels(&resolve("2:memory:/docker/c/worker\n", mount), Controller::Memory),
        ["/sys/fs/cgroup/memory/worker", "/sys/fs/cgroup/memory"]
    );
    for elsewhere in ["/", "/docker", "/docker/other", "/docker/cc"] {
        assert_eq!(levels(&resolve(&format!("2:memory:{elsewhere}\n"), mount), Controller::Memory), [""; 0]);
    }
}

#[test]
fn p8_paths_outside_of_the_namespace_begin_with_two_dots() {
    let outer = "1 0 0:8 /.. /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n";
    assert_eq!(resolve("0::/../sibling\n", outer).unified(), Some(Path::new("/sys/fs/cgroup/sibling")));
    // What the namespace's own root is called outside of it, neither file tells.
    assert_eq!(resolve("0::/\n", outer).unified(), None);
    assert_eq!(resolve("0::/../sibling\n", V2_ROOT).unified(), None);
    assert_eq!(resolve("0::/a/../../etc\n", V2_ROOT).unified(), None);
}

#[test]
fn p8_of_several_mounts_the_one_that_shows_most_is_taken() {
    let own = resolve(
        "0::/a/b\n",
        "1 0 0:8 /a/b /inner rw - cgroup2 cgroup2 rw\n\
         2 0 0:8 / /outer rw - cgroup2 cgroup2 rw\n\
         3 0 0:8 /a /middle rw - cgroup2 cgroup2 rw\n\
         4 0 0:8 /c /beside rw - cgroup2 cgroup2 rw\n",
    );
    assert_eq!(levels(&own, Controller::Cpu), ["/outer/a/b", "/outer/a", "/outer"]);
}

#[test]
fn p38_a_cut_line_names_no_group() {
    assert_eq!(resolve("0::/system.sl", V2_ROOT).unified(), None);
    assert_eq!(resolve("0::/\n", V2_ROOT.trim_end()).unified(), None);
    assert_eq!(resolve("", ""), OwnCgroups::default());
    assert_eq!(resolve("0:/\n::\n0::relative\nx\n", V2_ROOT).version(), None);
}

proptest! {
    #[test]
    fn any_bytes_resolve_to_directories_below_the_root(
        cgroup in "([0-9]:(cpu|memory|cpu,cpuacct|):(/|/\\.\\.|/a|/a:|//|\\\\040|.){0,6}\n|.{0,8}\n?){0,4}",
        mountinfo in "(1 2 0:3 (/|/\\.\\.|/a|/a/b|\\\\040|\\\\9|x){1,4} (/|/\\.\\.|/a|.){1,4} rw (shared:1 )?- cgroup2? c (rw|cpu|memory|,){0,4}\n|.{0,9}\n?){0,4}",
    ) {
        let root = Path::new("/recording");
        let own = OwnCgroups::resolve(root, cgroup.as_bytes(), mountinfo.as_bytes());
        for hierarchy in Controller::ALL.into_iter().filter_map(|controller| own.hierarchy(controller)) {
            let levels: Vec<&Path> = hierarchy.levels().collect();
            prop_assert!(!levels.is_empty() && levels[0] == hierarchy.directory());
            for level in levels {
                prop_assert!(level.starts_with(root), "{level:?}");
                prop_assert!(level.components().all(|part| part != std::path::Component::ParentDir));
            }
        }
    }

    #[test]
    fn hostile_bytes_never_panic(cgroup: Vec<u8>, mountinfo: Vec<u8>) {
        let _ = OwnCgroups::resolve(Path::new("/"), &cgroup, &mountinfo);
    }
}
