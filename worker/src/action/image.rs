//! Which image a step works with: our own are on the engine that built them and come from no registry.

use super::odoo_build::until_stopped;
use crate::action::{Fault, Host, RunContext};
use crate::container::{ContainerError, ImageInfo};

/// All images that `odoo/build` makes are named so; a registry on this machine is asked for none of them.
const NAMESPACE: &str = "localhost/odooops/";
/// An image by its id, which no registry knows.
const ID_PREFIX: &str = "sha256:";

/// `localhost/odooops/<8 hex digits of the instance>/<project>:<12 digits of the commit>`.
pub(super) fn tag_of(run: &RunContext, commit_sha: &str) -> String {
    let instance = run.labels.instance.simple().to_string();
    let sha = commit_sha.get(..12).unwrap_or(commit_sha);
    format!("{NAMESPACE}{}/{}:{sha}", &instance[..8], run.project)
}

/// The image, pulled where it is missing and a registry may have it; given up when the step is stopped.
pub(super) async fn find_image(host: &dyn Host, image: &str) -> Result<ImageInfo, Fault> {
    let finding = async {
        if !is_local(image) {
            return Ok(host.containers().ensure_image(image, host.registry_auth(image)).await?);
        }
        match host.containers().find_image(image).await {
            Ok(Some(info)) => Ok(info),
            Ok(None) | Err(ContainerError::ImageMissing { .. }) => Err(Fault::Invalid(format!(
                "image {image} was built on another worker: it is not on this one, and no registry has it; \
                 build it in the same run, or push it to a registry and name it as it is called there"
            ))),
            Err(error) => Err(error.into()),
        }
    };
    until_stopped(host, finding).await
}

fn is_local(image: &str) -> bool {
    image.starts_with(NAMESPACE) || image.starts_with(ID_PREFIX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::action::testing::run_context;

    #[test]
    fn a_tag_names_the_instance_so_that_two_control_planes_do_not_meet() {
        let tag = tag_of(&run_context(), "0123456789abcdef0123");
        assert_eq!(tag, "localhost/odooops/00000000/shop:0123456789ab");
        assert!(is_local(&tag));
    }

    #[test]
    fn images_of_others_may_be_pulled() {
        for image in ["odoo:18.0", "odooops/shop:1", "localhost:5000/odooops/shop", "ghcr.io/a/b@sha256:00"] {
            assert!(!is_local(image), "{image}");
        }
        assert!(is_local("sha256:00"));
    }
}
