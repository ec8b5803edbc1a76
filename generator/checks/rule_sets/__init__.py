"""Third-party rule sets over all that a release becomes: checkov, AWS Control Tower's, cdk-nag and cloudsplaining."""
