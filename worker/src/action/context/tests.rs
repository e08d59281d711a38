//! The context of an image, and its Dockerfile.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use super::ImagePlan;
use crate::action::Fault;
use crate::odoo::{Modules, Series};

fn write(root: &Path, path: &str, text: &str) {
    let path = root.join(path);
    std::fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
    std::fs::write(path, text).expect("a file");
}

fn plan(root: &Path) -> ImagePlan {
    ImagePlan {
        base: "odoo:18.0".to_owned(),
        folder: root.to_path_buf(),
        addons: BTreeMap::from([("a".to_owned(), "addons/a".to_owned())]),
        requirements: Vec::new(),
        requirements_files: Vec::new(),
        ca_bundle: None,
        pip_index_url: None,
    }
}

fn names(plan: &ImagePlan) -> Result<Vec<String>, Fault> {
    let mut bytes = Vec::new();
    plan.write(&mut bytes)?;
    let mut archive = tar::Archive::new(bytes.as_slice());
    let entries = archive.entries().expect("an archive");
    Ok(entries
        .map(|entry| {
            let mut entry = entry.expect("an entry");
            let mut content = Vec::new();
            entry.read_to_end(&mut content).expect("readable");
            assert_eq!((entry.header().mtime().ok(), entry.header().uid().ok()), (Some(0), Some(0)));
            entry.path().expect("a name").display().to_string()
        })
        .collect())
}

#[test]
fn addons_stand_flat_and_in_order() {
    let root = tempfile::tempdir().expect("a folder");
    write(root.path(), "addons/a/__manifest__.py", "{}");
    write(root.path(), "addons/a/models/m.py", "");
    write(root.path(), "addons/other/__manifest__.py", "{}");
    std::os::unix::fs::symlink("../__manifest__.py", root.path().join("addons/a/models/link.py"))
        .expect("a link");
    assert_eq!(
        names(&plan(root.path())).expect("a context"),
        [
            "Dockerfile",
            "addons/a",
            "addons/a/__manifest__.py",
            "addons/a/models",
            "addons/a/models/link.py",
            "addons/a/models/m.py"
        ]
    );
}

#[test]
fn a_link_out_of_its_module_is_refused() {
    for target in ["/etc/passwd", "../b", "models/../../b"] {
        let root = tempfile::tempdir().expect("a folder");
        write(root.path(), "addons/a/__manifest__.py", "{}");
        std::os::unix::fs::symlink(target, root.path().join("addons/a/link")).expect("a link");
        let fault = names(&plan(root.path())).expect_err(target);
        assert_eq!(
            fault,
            Fault::User {
                exit_code: 1,
                message: "addons/a/link: a symbolic link leads outside its module".to_owned()
            }
        );
    }
}

#[test]
fn without_requirements_there_is_one_stage() {
    let plan = plan(Path::new("/nowhere"));
    assert_eq!(plan.dockerfile(), "FROM odoo:18.0\nCOPY addons /mnt/extra-addons\n");
}

#[test]
fn requirements_are_installed_in_a_stage_of_their_own() {
    let plan = ImagePlan {
        requirements: vec!["requirements.txt".to_owned(), "addons/requirements.txt".to_owned()],
        ca_bundle: Some("/etc/ssl/ca.pem".into()),
        pip_index_url: Some("https://pypi.example/simple".to_owned()),
        ..plan(Path::new("/nowhere"))
    };
    insta::assert_snapshot!(plan.dockerfile(), @r#"
    FROM odoo:18.0 AS requirements
    USER 0
    COPY requirements /odooops/requirements
    COPY ca-bundle.crt /odooops/ca-bundle.crt
    RUN ["python3","-m","pip","install","--no-cache-dir","--no-input","--disable-pip-version-check","--root-user-action=ignore","--target","/opt/odooops/python","--cert=/odooops/ca-bundle.crt","--index-url=https://pypi.example/simple","-r","/odooops/requirements/requirements.txt","-r","/odooops/requirements/addons/requirements.txt"]
    FROM odoo:18.0
    COPY --from=requirements /opt/odooops/python /opt/odooops/python
    ENV PYTHONPATH=/opt/odooops/python
    COPY addons /mnt/extra-addons
    "#);
}

#[test]
fn requirements_at_the_root_and_beside_addons_are_found_with_what_they_include() {
    let root = tempfile::tempdir().expect("a folder");
    write(root.path(), "requirements.txt", "-r dev/base.txt\n");
    write(root.path(), "dev/base.txt", "-c ../constraints.txt\n");
    write(root.path(), "constraints.txt", "x<2\n");
    write(root.path(), "addons/requirements.txt", "y\n");
    write(root.path(), "addons/a/requirements.txt", "not beside it\n");
    let manifests = [("addons/a/__manifest__.py".to_owned(), "{}".to_owned())];
    let modules = Modules::from_manifests(&manifests, Series::V18).expect("modules");
    let (installed, files) = ImagePlan::find_requirements(root.path(), &modules).expect("requirements");
    assert_eq!(installed, ["requirements.txt", "addons/requirements.txt"]);
    assert_eq!(files, ["addons/requirements.txt", "constraints.txt", "dev/base.txt", "requirements.txt"]);
}

#[test]
fn requirements_may_not_include_files_from_elsewhere() {
    let root = tempfile::tempdir().expect("a folder");
    write(root.path(), "requirements.txt", "-r ../../etc/passwd\n");
    let fault = ImagePlan::find_requirements(root.path(), &Modules::default()).expect_err("refused");
    assert!(fault.to_string().contains("leads outside the repository"), "{fault}");
}

#[test]
fn a_requirements_file_may_not_be_a_link_to_the_workers_own_files() {
    let root = tempfile::tempdir().expect("a folder");
    std::os::unix::fs::symlink("/etc/passwd", root.path().join("requirements.txt")).expect("a link");
    let fault = ImagePlan::find_requirements(root.path(), &Modules::default()).expect_err("refused");
    assert!(fault.to_string().contains("a symbolic link leads outside the repository"), "{fault}");
}
