"""What CloudFormation must be permitted to do, computed from the templates that it deploys."""
