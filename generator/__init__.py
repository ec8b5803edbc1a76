"""Emit, check and rehearse the nested CloudFormation templates of a web platform on AWS."""

__version__ = "1.2.0"
